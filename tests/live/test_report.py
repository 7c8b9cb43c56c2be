"""`lab report` on real runs: every format from one result.json, and no secret in any of them."""

import json
import os
import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from conftest import LabHere, wait_for

from lab.core.environment import current_environment
from lab.evidence.run_document import json_schema

SCHEMA = json_schema()

SPY = """
import json
from pathlib import Path

CLAIM = "<script>alert(1)</script> & \\u202e \\x07 \\"claim\\""
CUSTOMERS = 2


def keep(*secrets):
    with Path("spied.txt").open("a") as file:
        file.writelines(f"{secret}\\n" for secret in secrets if secret)


def script(shopper, lab):
    shopper.request("GET", "/api/server")
    keep(*lab._context.keys)
    desk = shopper.login().served_by
    keep(shopper.token, *(cookie.value for cookie in shopper.transport.cookies))
    shopper.add("laptop", server=desk)
    keep(shopper.token)
    shopper.ship_to("<img src=x onerror=alert(1)> '\\"; touch gone; \\u202e$(touch gone)")
    keep(shopper.token)
    url = f"/api/cart?token={shopper.token or 'none'}&userId=123"
    shopper.request("GET", url)
    shopper.request("POST", url, json={"token": shopper.token, "deep": [url]})
    shopper.request("GET", "/api/<script>alert(2)</script>")
    lab.kill(desk)
    shopper.request("GET", url, server=desk)
    shopper.view_cart(tries=3)
    lab.curve("bytes", "lines", "bytes", [(1, 300), (2, 400)])
    raise ValueError(f"spying on {shopper.token} {url}")
"""


@pytest.fixture(scope="module")
def spied(shared_lab):
    """A run that puts its secrets and hostile text everywhere it can."""
    ended = shared_lab("run", shared_lab.write("spy.py", SPY), "--servers", "2")
    assert ended.status == 1, ended
    assert "lab report --open" in ended.out
    return shared_lab


def test_real_run_is_as_the_schema_says(spied):
    document = json.loads((spied.runs / "latest" / "result.json").read_text("utf-8"))
    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
    (experiment,) = document["experiments"]
    described = SCHEMA["$defs"]
    assert experiment.keys() == described["ExperimentResult"]["properties"].keys()
    variant = experiment["variants"][0]
    assert variant.keys() == described["VariantResult"]["properties"].keys()
    assert variant["exchanges"][0].keys() == described["RecordedExchange"]["properties"].keys()
    # What other programs read is where it was in version 0.1.
    settings = {"store": "memory", "affinity": "none", "servers": 2, "retry": "off", "tls": False}
    assert variant["knobs"] == settings
    measured = variant["measurements"]
    assert measured["carts_acknowledged"] >= 1
    assert type(measured["carts_lost"]) is int
    assert measured["kill_confirmed"] is True


def test_report_without_options_prints_the_verdicts_and_writes_the_page(spied):
    ended = spied("report")
    assert ended.status == 0, ended
    assert "✕ script failed" in ended.out
    page = spied.runs / "latest" / "report.html"
    assert str(page.resolve().relative_to(spied.folder.resolve())) in ended.out.replace("\n", "")
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "nothing concluded" in text
    assert "<figure>" in text


def test_every_format_and_no_secret_in_any(spied):
    made = {
        "page": ("report", "--html", "handed-in.html"),
        "junit": ("report", "latest", "--junit", "junit.xml"),
        "har": ("report", "lab-runs/latest/result.json", "--har", "run.har"),
        "curl": ("report", "--curl"),
        "powershell": ("report", "--powershell"),
        "to stdout": ("report", "--junit", "-"),
    }
    for name, arguments in made.items():
        ended = spied(*arguments)
        assert ended.status == 0, (name, ended)
        assert "\x1b" not in ended.out
        assert "\x07" not in ended.out
        assert "\u202e" not in ended.out
    assert ET.parse(spied.folder / "junit.xml").getroot().get("errors") == "2"
    har = json.loads((spied.folder / "run.har").read_text("utf-8"))
    assert len(har["log"]["entries"]) >= 16
    secrets = set((spied.folder / "spied.txt").read_text().split())
    assert len(secrets) >= 4  # a key, a session id, tokens
    assert all(len(secret) >= 32 for secret in secrets)
    searched = 0
    for path in spied.folder.rglob("*"):
        if path.is_file() and path.name != "spied.txt":
            text = re.sub(r"\s+", "", path.read_text("utf-8", "replace"))
            found = [secret[:8] for secret in secrets if secret in text]
            assert not found, f"{path} holds {found}"
            searched += 1
    assert searched >= 12


def test_run_of_another_machine_is_opened_and_what_is_none_is_refused(spied, tmp_path):
    shutil.copy(spied.runs / "latest" / "result.json", tmp_path / "theirs.json")
    ended = spied("report", str(tmp_path / "theirs.json"))
    assert ended.status == 0
    assert (tmp_path / "report.html").exists()
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    for arguments, words in (
        (("report", str(tmp_path / "broken.json")), "damaged"),
        (("report", "nothing-there"), "no run"),
        (("report", "--out", str(tmp_path / "none")), "lab run crash"),
        (("report", "--html", "no/such/folder.html"), "cannot write"),
    ):
        refused = spied(*arguments)
        assert refused.status == 2, refused
        assert words in " ".join(refused.err.split()), refused


@pytest.fixture(scope="module")
def desks(tmp_path_factory):
    """One `lab up` with both desks, for the commands of a run; afterwards nothing is left."""
    here = LabHere(tmp_path_factory.mktemp("desks"))
    up = here.start("up", "--port", "0", "--servers", "2")
    try:
        wait_for(lambda: "Ctrl-C stops" in up.out_path.read_text("utf-8"))
        yield here
        up.terminate()
        here.finish(up)
    finally:
        here.end_started()
        here.assert_nothing_left()


@pytest.mark.skipif(os.name != "posix", reason="no bash")
@pytest.mark.parametrize("desk", ["stateful", "stateless"])
def test_command_of_a_run_works_at_a_running_desk(spied, desks, desk):
    if not shutil.which("curl") or not shutil.which("bash"):
        pytest.skip("no curl or no bash")
    ended = spied("report", "--curl")
    mine = ended.out[ended.out.index(f"variant {desk}") :].split("\n# spy, variant")[0].splitlines()
    wanted = [line for line in mine if line.startswith("curl") and "token=" not in line]
    log = desks.started[0].out_path.read_text("utf-8")
    base = re.search(rf"http://\S+/{desk}", log)[0]
    token, answers = "", []
    for line in wanted:
        done = subprocess.run(
            ["bash", "-c", line],
            env={**current_environment(), "BASE": base, "TOKEN": token},
            cwd=desks.folder,
            capture_output=True,
            check=True,
        )
        head, _, body = done.stdout.decode().partition("\r\n\r\n")
        answers.append((line, int(head.split()[1]), body))
        if '"token"' in body:
            token = json.loads(body)["token"]
    statuses = [status for _, status, _ in answers]
    assert statuses[:3] == [200, 200, 201], answers
    assert not (desks.folder / "gone").exists()
    reads = [(status, body) for line, status, body in answers if line.endswith('"$BASE"/api/cart')]
    assert reads
    if desk == "stateless":  # any server; the stateful desk's memory depends on who answers
        assert all(status == 200 and "Laptop" in body for status, body in reads), answers
    (address,) = [(line, status, body) for line, status, body in answers if "-X PUT" in line]
    assert address[1] in (200, 401, 422), address
