"""Every sample script does at both desks what the text beside it says; and a few that misled."""

import inspect
import json
import sys
import textwrap

import documents
import pytest
from documents import DOCS, REPOSITORY, fences

from lab.cli.run import run as run_command

ABOVE, BELOW = "is a Python file:\n", "\nIt runs with"
HELP = inspect.cleandoc(run_command.help).partition(ABOVE)[2].partition(BELOW)[0]
STARTER = (REPOSITORY / "lab" / "experiments" / "starter.txt").read_text(encoding="utf-8")
PLAIN, CLAIMING = (
    fence["text"] for fence in fences((DOCS / "scripts.md").read_text("utf-8"), "python")
)
KEPT, LOST = "kept", "lost"
# Of each sample: what became of the cart, and how many looks of the script showed it, at the
# stateful and at the stateless desk.
SAMPLES = {
    "help": (textwrap.dedent(HELP), (LOST, 0, 1), (KEPT, 1, 1)),
    "starter": (STARTER, (KEPT, 1, 2), (KEPT, 2, 2)),
    "scripts, plain": (PLAIN, (LOST, 0, 2), (KEPT, 2, 2)),
}
ROUND_ROBIN = """
def script(shopper, lab):
    shopper.login(server="A")
    shopper.add("laptop", server="A")
    shopper.view_cart(server="B")
"""
REFUSED = """
def script(shopper, lab):
    shopper.login(server="A")
    shopper.add("laptop", 0, server="A")
    shopper.view_cart(server="A")
"""
LOGIN = """
def script(shopper, lab):
    shopper.login(server="A")
    lab.kill("A")
    shopper.view_cart(server="B")
"""


@pytest.fixture
def ran(tmp_path):
    """Run a script as a student does; return its exit status and its experiment."""

    def run(source):
        (tmp_path / "mine.py").write_text(source, encoding="utf-8")
        command = [sys.executable, "-m", "lab", "run", "./mine.py", "--json"]
        done = documents.run(command, cwd=tmp_path)
        (experiment,) = json.loads(done.stdout)["experiments"]
        return done.returncode, experiment

    return run


def what_became(variant):
    """The fate of the one cart, and k and n of the script's looks that showed it."""
    measured = variant["measurements"]
    (fate,) = [each for each in ("kept", "lost", "unknown") if measured[f"carts_{each}"]]
    return fate, measured["reads_kept"], measured["reads_of_carts"]


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_comes_out_as_the_text_beside_it_says(ran, name):
    source, stateful, stateless = SAMPLES[name]
    status, experiment = ran(source)
    assert status == 0
    assert (experiment["kind"], experiment["verdict"]) == ("script", None)
    assert list(map(what_became, experiment["variants"])) == [stateful, stateless]


def test_sample_with_a_claim_is_judged_by_what_its_claim_is_about(ran):
    status, experiment = ran(CLAIMING)
    assert (status, experiment["kind"], experiment["verdict"]) == (0, "claim", "holds")
    assert [each["outcome"]["verdict"] for each in experiment["variants"]] == ["fails", "holds"]


def test_no_sample_is_forgotten():
    """Those of first-script.md are printed with their output, which another test compares."""
    shown = {
        path.name: path.read_text(encoding="utf-8").count("def script(shopper, lab):")
        for path in (REPOSITORY / "README.md", *DOCS.glob("*.md"))
    }
    found = {name: times for name, times in shown.items() if times}
    assert found == {"scripts.md": 2, "first-script.md": 3, "commands.md": 1}


def test_cart_that_round_robin_hides_is_kept_and_not_lost(ran):
    """Nothing was killed: the cart is safe in A, and B does not know the session."""
    status, experiment = ran(ROUND_ROBIN)
    stateful, stateless = experiment["variants"]
    assert (status, experiment["verdict"]) == (0, None)
    assert what_became(stateful) == (KEPT, 0, 1)
    assert what_became(stateless) == (KEPT, 1, 1)
    looks = [(each["target"], each["status"], each["fate"]) for each in stateful["closing_looks"]]
    assert looks == [("A", 200, "kept"), ("B", 401, "lost"), ("C", 401, "lost")]
    assert stateful["measurements"]["closing_looks_kept"] == 1
    assert stateful["measurements"]["requests"] == len(stateful["exchanges"]) == 3


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            REFUSED,
            [
                "no change was acknowledged: the only add was answered 422: "
                "'quantity' must be a whole number from 1 to 99"
            ]
            * 2,
        ),
        (
            LOGIN,
            [
                "no change was acknowledged: a look at the cart was answered 401: "
                "no session with that id on this server: POST /api/login to start one",
                "no change was acknowledged",
            ],
        ),
    ],
)
def test_script_in_which_nothing_was_acknowledged_is_unknown_and_says_why(ran, source, why):
    status, experiment = ran(source)
    assert (status, experiment["verdict"]) == (3, "unknown")
    assert [each["outcome"]["note"] for each in experiment["variants"]] == why
    for variant in experiment["variants"]:
        assert not variant["measurements"]["carts_acknowledged"]
        assert not variant["closing_looks"]
