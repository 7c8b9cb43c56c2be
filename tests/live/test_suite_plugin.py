"""`pytest --lab-check` on suites of real services: Flask, FastAPI and Express."""

import importlib.util
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import processes_of

from lab.core.environment import current_environment

SUITES = Path(__file__).parents[1] / "suites"
# Only this plugin: the others that are installed here take seconds to load.
PLUGIN = ("-p", "lab.check.suite.plugin", "-p", "no:cacheprovider", "--lab-wait", "60")
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
FLASK = f"{sys.executable} -m flask --app shop run --port {{port}}"
SHOP = ("--lab-check", FLASK, "--lab-url-env", "SHOP_URL")
DEADLINE_S = 200


class Ran:
    """How a pytest ended."""

    def __init__(self, done):
        self.status, self.out = done.returncode, done.stdout
        self.passed, self.failed = (
            int(found[1]) if (found := re.search(rf"(\d+) {word}", self.out)) else 0
            for word in ("passed", "failed")
        )

    def __repr__(self):
        return f"status {self.status}\n{self.out}"


def run_pytest(folder, *options, keep="", **env):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, *options],
        cwd=folder,
        env={**current_environment(), **ALONE, "KEEP": keep, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
    )
    assert not processes_of(folder), "a process of the service lives on"
    return Ran(done)


def needs_modules(*names):
    for name in names:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not here: pip install {' '.join(names)}")


def needs_express():
    node = shutil.which("node")
    ask = [node or "node", "-e", "require.resolve('express')"]
    if not node or subprocess.run(ask, capture_output=True, timeout=60).returncode:
        pytest.skip("express is not here: npm install express")


@pytest.fixture
def suite(tmp_path):
    """Copies one of the suites into a folder of its own."""

    def copy(name):
        return shutil.copytree(SUITES / name, tmp_path / name)

    return copy


def flask(copy):
    return copy("flask"), SHOP, 10, ("POST /login", "POST /cart", "201 became 401")


def fastapi(copy):
    needs_modules("fastapi", "uvicorn", "httpx")
    command = f"{sys.executable} -m uvicorn notes:app --port {{port}}"
    options = ("--lab-check", command, "--lab-ready", "/health")
    return copy("fastapi"), options, 5, ("POST /token", "GET /me", "200 became 401")


def express(copy):
    needs_modules("playwright")
    needs_express()
    options = ("--lab-check", "node server.js", "--lab-env", "PORT={port}")
    return copy("express"), options, 5, ("POST /visits", "POST /count", "200 became 401")


@pytest.mark.long
@pytest.mark.parametrize("kind", [flask, fastapi, express])
def test_suite_of_a_clean_service_passes(suite, kind):
    folder, options, _, _ = kind(suite)
    ran = run_pytest(folder, *options)
    assert (ran.status, ran.failed) == (0, 0), ran
    assert "No test depends on which process answers." in ran.out
    crossed, of = re.search(r"(\d+) of (\d+) were answered by two", ran.out).groups()
    assert int(of) > int(crossed) > 0.75 * int(of)


@pytest.mark.long
@pytest.mark.parametrize("kind", [flask, fastapi, express])
def test_suite_of_a_service_with_state_names_the_pair(suite, kind):
    folder, options, failing, (wrote, missed, change) = kind(suite)
    ran = run_pytest(folder, "--tb=no", *options, keep="memory")
    assert (ran.status, ran.failed) == (1, failing), ran
    assert f"{failing} tests pass on one process and not on several" in ran.out
    pair = rf"^ +{wrote} +wrote: 20[01]$\n^ +{missed} +missed it: .*{change}$"
    assert re.search(pair, ran.out, re.MULTILINE), ran
    assert "on one process as well" not in ran.out


@pytest.mark.long
def test_failure_that_has_other_reasons_is_no_finding(suite):
    folder = suite("flask")
    (folder / "test_wrong.py").write_text(
        "import requests\n\n\ndef test_price(lab_url):\n"
        "    assert requests.get(f'{lab_url}/products').json() == {}\n"
    )
    ran = run_pytest(folder, *SHOP)
    assert (ran.status, ran.failed, ran.passed) == (1, 1, 15), ran
    assert "1 test fails on one process as well" in ran.out
    assert "test_wrong.py::test_price" in ran.out
    assert "pass on one process and not" not in ran.out


@pytest.mark.long
def test_suite_in_two_workers_is_checked_in_each(suite):
    folder = suite("flask")
    options = ("-p", "xdist", "-n", "2", "-k", "kept", "--tb=no", "--junitxml", "j.xml")
    ran = run_pytest(folder, *SHOP, *options, keep="memory")
    assert (ran.status, ran.failed) == (1, 5), ran
    assert "5 tests pass on one process and not on several" in ran.out
    assert 'tests="5"' in (folder / "j.xml").read_text()


@pytest.mark.long
def test_suite_with_a_fixed_port_and_a_suite_that_asks_elsewhere(suite):
    folder = suite("flask")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ("--lab-check", FLASK, "-k", "login", "--lab-processes", "2")
    url = f"http://127.0.0.1:{port}"
    ran = run_pytest(folder, *options, "--lab-port", str(port), SHOP_URL=url)
    assert (ran.status, ran.passed) == (0, 2), ran
    ran = run_pytest(folder, *options, SHOP_URL=url)  # nothing listens there any more
    assert ran.failed == 2
    assert ran.status == 4, ran
    assert "no request of this suite came to http://127.0.0.1:" in ran.out


@pytest.mark.long
def test_service_that_does_not_start_is_said(suite):
    folder = suite("flask")
    command = f"{sys.executable} -c 'raise SystemExit(\"no key\")' {{port}}"
    ran = run_pytest(folder, "--lab-check", command, "--lab-url-env", "SHOP_URL")
    assert ran.status == 4, ran
    assert "the service ended before it answered (exit 1)" in ran.out
    assert "no key" in ran.out


@pytest.mark.long
def test_plugin_loads_nothing_without_its_option(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    ours = {name for name in sys.modules if name.split('.')[0] == 'lab'}\n"
        "    assert ours <= {'lab', 'lab.check', 'lab.check.suite', 'lab.check.suite.plugin'}\n"
    )
    ran = run_pytest(tmp_path)
    assert (ran.status, ran.passed) == (0, 1), ran


@pytest.mark.long
def test_address_of_a_service_that_runs_is_taken_from_the_variable(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "def test_it(lab_url):\n    assert lab_url == 'http://a'\n"
    )
    assert run_pytest(tmp_path, LAB_URL="http://a/").status == 0
    ran = run_pytest(tmp_path, LAB_URL="")
    assert ran.status == 1
    assert "run pytest --lab-check COMMAND, or set LAB_URL" in ran.out


@pytest.mark.long
def test_suite_that_asks_while_it_is_imported_is_run_but_not_searched(suite):
    folder = suite("flask")
    (folder / "test_early.py").write_text(
        "import os\nimport requests\n\nURL = os.environ['LAB_URL']\n"
        "COOKIES = requests.post(f'{URL}/login', json={'name': 'Ada'}).cookies\n\n\n"
        "def test_cart():\n    assert requests.get(f'{URL}/cart', cookies=COOKIES).ok\n"
    )
    ran = run_pytest(folder, "-k", "early", *SHOP, keep="memory")
    assert (ran.status, ran.failed) == (1, 1), ran
    assert "asks the service while it is imported" in ran.out
