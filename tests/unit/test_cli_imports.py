"""Each command loads only what it needs."""

import subprocess
import sys

import pytest

HEAVY = frozenset(
    {
        *("flask", "gevent", "hypothesis", "jinja2", "locust", "pygal", "pygments", "redis"),
        *("requests", "waitress", "werkzeug", "yaml"),
    }
)
# What a command may load of the lab, and how many modules; what it may load of HEAVY.
ALLOWED = {
    ("--version",): ({"cli", "core"}, 14, set()),
    ("--help",): ({"cli", "core"}, 14, set()),
    ("list",): ({"cli", "core", "evidence", "experiments", "shop"}, 60, set()),
    ("check", "--help"): ({"cli", "core"}, 24, set()),
    ("check", "--version"): ({"cli", "core"}, 24, set()),
    ("kill", "--help"): ({"cli", "core"}, 20, set()),
    ("add", "--help"): ({"cli", "core"}, 20, set()),
    ("store", "--help"): ({"cli", "core"}, 20, set()),
    ("status", "--help"): ({"cli", "core"}, 20, set()),
    ("open", "--help"): ({"cli", "core"}, 20, set()),
    ("reset", "--help"): ({"cli", "console", "core"}, 24, set()),
    ("play", "--help"): ({"cli", "core"}, 20, set()),
    ("record", "--help"): ({"cli", "core"}, 20, set()),
    ("export", "--help"): ({"cli", "core"}, 20, set()),
    ("deploy", "--help"): ({"cli", "core", "shop"}, 24, set()),
    ("doctor",): ({"cli", "core", "processes", "shop", "stack"}, 30, set()),
}


REPORTING = """
import atexit, sys
sys.argv[0] = "lab"
atexit.register(lambda: print(*sorted(sys.modules), sep="\\n", file=sys.stderr))
from lab.cli.main import main
main()
"""


def imported(*command):
    """Return the names of the modules that `lab COMMAND` has loaded when it ends."""
    ended = subprocess.run(
        [sys.executable, "-c", REPORTING, *command], capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in ended.stderr
    return set(ended.stderr.splitlines())


@pytest.mark.parametrize("command", ALLOWED, ids=" ".join)
def test_command_loads_only_what_it_needs(command):
    rooms, most, heavy = ALLOWED[command]
    modules = imported(*command)
    ours = {name for name in modules if name.split(".")[0] == "lab"}
    assert "click" in modules
    assert {name.split(".")[1] for name in ours if "." in name} <= {*rooms, "__main__"}
    assert len(ours) <= most
    assert {name.split(".")[0] for name in modules} & HEAVY <= heavy
