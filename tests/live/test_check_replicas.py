"""`lab check --url` on services whose state is known: two and three replicas behind nginx."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from replica_rig import replicas_of

from lab.check.budget import Budget
from lab.check.judge import Level
from lab.check.replicas.asked import AskedReplicas
from lab.check.replicas.checker import ReplicaCheck
from lab.check.replicas.replica import replica, replicas
from lab.check.replicas.script import replicas_as_curl
from lab.check.sources.http_file import HttpFileSource
from lab.check.sources.script import ScriptSource
from lab.evidence.result import Settings
from lab.experiments.matrix import two_desks
from lab.experiments.provision import ProvisionedStack
from lab.shop.catalogue import PRODUCTS
from lab.stack.programs import find_nginx

CORPUS = Path(__file__).parent.parent / "corpus"
with (CORPUS / "cases.tsv").open(newline="") as file:
    CASES = {row["name"]: row for row in csv.DictReader(file, delimiter="\t")}
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.name != "posix", reason="the services are started as on POSIX"),
    pytest.mark.skipif(find_nginx(sticky=True) is None, reason="no nginx: `lab doctor`"),
]


def check(rig, case, folder, balancer=None, dropped=(), **how):
    talk = folder / CASES[case]["talk"]
    source = HttpFileSource(talk) if talk.suffix == ".http" else ScriptSource(talk)
    through = replica("the balancer", getattr(rig, balancer), "--through") if balancer else None
    asked = AskedReplicas(replicas(how.pop("urls", rig.urls)), through, dropped=dropped, **how)
    return ReplicaCheck(asked, source, budget=Budget(max_seconds=120)).run()


def rig_of(case, work, count):
    row = CASES[case]
    if shutil.which(row["start"].split()[0]) is None:
        pytest.skip(f"no {row['start'].split()[0]} on PATH")
    folder = work / "service"
    shutil.copytree(CORPUS / row["folder"], folder)
    env = dict(pair.split("=", 1) for pair in row["env"].split())
    start = row["start"].replace("python3", sys.executable)
    return folder, replicas_of(start, env, folder, work / "rig", count)


@pytest.mark.parametrize(
    ("case", "count", "balancer"),
    [
        ("token-map", 2, "lying"),
        ("token-map-fixed", 3, "sticky"),
        ("session-registry", 3, "turns"),
        ("oidc-state", 2, "sticky"),
        ("oidc-state-fixed", 2, "turns"),
        ("cookie-secret", 3, "lying"),
        ("cookie-secret-fixed", 2, "lying"),
        ("upload-address", 2, "turns"),
        ("wizard", 3, "sticky"),
        ("digest", 2, "turns"),
        ("digest-fixed", 3, "turns"),
    ],
)
def test_service_of_the_corpus_behind_a_balancer(case, count, balancer, tmp_path):
    folder, rig = rig_of(case, tmp_path, count)
    with rig as running:
        dropped = ("lb",) if balancer == "sticky" else ()
        report = check(running, case, folder, balancer, dropped)
        is_self = CASES[case]["expect"] == "self"
        assert report.level is (Level.ALIKE if is_self else Level.REPLICA), report.because
        directly, through = report.spread.ways
        assert directly.pairs == directly.of_pairs > 0
        if balancer == "lying":
            said = " ".join(report.notes)
            assert "the header may not be true" in said or "the header is not believed" in said
            assert through.pairs == 0
        else:
            assert through.pairs == through.of_pairs
        if not is_self:
            assert report.reproducer.confirmed == report.reproducer.tries >= 3
            if not report.reproducer.unprintable:
                script = tmp_path / "pair.sh"
                script.write_text(replicas_as_curl(report, None))
                shell = "bash" if script.read_text().startswith("#!/bin/bash") else "sh"
                done = subprocess.run([shell, script], capture_output=True, text=True, timeout=60)
                assert done.returncode == 0, (done.stdout, done.stderr)


def test_sticky_balancer_hides_state_and_is_said_to(tmp_path):
    folder, rig = rig_of("token-map", tmp_path, 2)
    with rig as running:
        report = check(running, "token-map", folder, "sticky")
        assert report.level is Level.REPLICA
        _, through = report.spread.ways
        assert (through.pairs, through.differed) == (0, 0)
        assert any("--drop-cookie lb" in note for note in report.notes)


def test_memory_of_a_connection_is_found_over_one_that_is_kept(tmp_path):
    folder, rig = rig_of("connections", tmp_path, 2)
    with rig as running:
        report = check(running, "connections", folder, urls=running.bare)
        assert report.level is Level.REPLICA, report.because
        assert "over a connection that is kept" in report.because


@pytest.mark.parametrize(("env", "level"), [({}, Level.REPLICA), ({"KEY": "k"}, Level.ALIKE)])
def test_command_in_between_shows_what_a_restart_forgets(env, level, tmp_path):
    """Both replicas share what they know, until the command makes it be forgotten."""
    folder = tmp_path / "service"
    shutil.copytree(CORPUS / "reports", folder)
    command = f"{sys.executable} session_registry.py {{port}}"
    shared = {"FOLDER": "sessions"}
    with replicas_of(command, shared, folder, tmp_path / "rig", 2) as running:
        emptied = "true" if env else f"rm -rf {folder / 'sessions'}/*"
        report = check(running, "session-registry", folder, "turns", between=emptied)
        assert report.level is level, report.because
        assert report.spread.between == emptied
        assert report.spread.ways[-1].pairs == 3
        if level is Level.REPLICA:
            assert "after --between" in report.because


SETTINGS = """
start = '"{python}" token_map.py {{port}}'
conversations = ["token_map_talk.py", "login.http"]
max-seconds = 120
[[known]]
request = "GET /me"
reason = "moves to the store"
until = 9999-12-31
[[known]]
request = "GET /gone"
reason = "was mended"
until = 9999-12-31
"""


def test_check_alone_runs_all_that_its_settings_say(lab_here):
    for name in ("serve.py", "signing.py", "token_map.py", "token_map_talk.py"):
        shutil.copy(CORPUS / "reports" / name, lab_here.folder)
    login = 'POST http://localhost/login\nContent-Type: application/json\n\n{"user": "ada"}\n'
    (lab_here.folder / "login.http").write_text(login)
    (lab_here.folder / "lab-check.toml").write_text(SETTINGS.format(python=sys.executable))
    ended = lab_here("check", "--json", "--junit", "all.xml")
    assert ended.status == 0, ended
    found = json.loads(ended.out)
    assert [each["source"] for each in found["checks"]] == ["token_map_talk.py", "login.http"]
    (remark,) = found["remarks"]
    assert "no longer found: GET /gone" in remark
    knowns = [call["known"] for each in found["checks"] for call in each["calls"]]
    assert knowns == ["", "known until 9999-12-31: moves to the store", ""]
    suites = (lab_here.folder / "all.xml").read_text()
    assert 'name="token_map_talk.py"' in suites and 'name="login.http"' in suites


TWO_FAULTS = """
import os, sys
from pathlib import Path
from flask import Flask
app, drafts, notes = Flask(__name__), {}, Path("notes")
notes.mkdir(exist_ok=True)
@app.put("/drafts/<name>")
def draft(name):
    drafts[name] = "draft"
    return {}
@app.get("/drafts/<name>")
def drafted(name):
    return {"text": drafts.get(name, "")}
@app.put("/notes/<name>")
def note(name):
    (notes / name).write_text("note")
    return {}
@app.get("/notes/<name>")
def noted(name):
    return {"is_there": (notes / name).exists()}
app.run(port=int(sys.argv[1]))
"""
TALK_OF_TWO = """
import uuid
def script(http):
    name = uuid.uuid4().hex
    http.put(f"/drafts/{name}")
    http.get(f"/drafts/{name}")
    http.put(f"/notes/{name}")
    http.get(f"/notes/{name}")
"""
ONE_KNOWN = """
start = '"{python}" service.py {{port}}'
conversations = ["talk.py"]
max-seconds = 120
[[known]]
request = "GET /drafts/*"
reason = "moves to the store"
until = 9999-12-31
"""


def test_known_finding_hides_no_other(lab_here):
    """State in the process, which is known, and state on the disk, which is not."""
    (lab_here.folder / "service.py").write_text(TWO_FAULTS)
    (lab_here.folder / "talk.py").write_text(TALK_OF_TWO)
    (lab_here.folder / "lab-check.toml").write_text(ONE_KNOWN.format(python=sys.executable))
    ended = lab_here("check", "--json")
    assert ended.status == 1, ended
    (check,) = json.loads(ended.out)["checks"]
    alike, here, also_alike, on_disk = [call["verdict"] for call in check["calls"]]
    assert alike == also_alike == "self-contained"
    assert (here, on_disk) == ("state in the process", "state on this machine's disk")


SHOPPER = """
def script(http):
    token = None

    def say(method, path, **how):
        nonlocal token
        if token:
            how["headers"] = {"Authorization": f"Bearer {token}"}
        document = http.request(method, path, **how).body
        token = document.get("token", token) if isinstance(document, dict) else token

    say("POST", "/api/login", json={"user_id": "123", "name": "John"})
    say("POST", "/api/cart/items", json={"sku": "SKU", "quantity": 1})
    say("GET", "/api/cart")
"""


def test_six_servers_of_the_lab_behind_its_nginx(tmp_path):
    """The same six, below the same paths, as compose.yaml has them in containers."""
    talk = tmp_path / "talk.py"
    talk.write_text(SHOPPER.replace("SKU", next(iter(PRODUCTS))))
    levels = {}
    with ProvisionedStack(tmp_path / "run").open([*two_desks(Settings(servers=3))]) as stack:
        for desk, pool in stack.pools.items():
            among = replicas([pool.url_of(server) for server in "ABC"])
            asked = AskedReplicas(among, replica("the balancer", pool.url, "--through"))
            report = ReplicaCheck(asked, ScriptSource(talk), budget=Budget()).run()
            levels[desk] = report.level
            assert [each.shown_by[-1] for each in report.spread.replicas] == [*"ABC"]
            assert all(way.pairs == way.of_pairs == 3 for way in report.spread.ways)
    assert levels == {"stateful": Level.REPLICA, "stateless": Level.ALIKE}


def test_replica_that_is_another_service_is_no_state(tmp_path):
    """Below a path that it does not have it answers 404 to everything, whoever asks."""
    folder, rig = rig_of("token-map-fixed", tmp_path, 2)
    with rig as running:
        one, other = running.urls
        report = check(running, "token-map-fixed", folder, urls=[one, f"{other}/wrong"])
    assert report.level is Level.UNKNOWN
    assert "see whether it is the same service" in report.because
