"""Scripts that are wrong, as students write them: what the screen says, and the exit status."""

import json
import os
import re
import signal

import pytest
from conftest import wait_for
from terminal import AtTerminal

ONE = ("--servers", "2")
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

WRONG = {
    "qty": ("shopper.add('pen', qty=2)", "add() takes no qty=: did you mean quantity=?"),
    "item": ("shopper.add_item('pen')", "a shopper has no .add_item: did you mean .add?"),
    "code": ("shopper.login().statuscode", "no .statuscode: did you mean .status_code?"),
    "dict": ("shopper.login()['cart']", "its JSON is .body, as in answer.body['cart']"),
    "attribute": ("shopper.login().body.cart", "It is a dict: write ['cart'] for .cart"),
    "method": ("shopper.login().json['cart']", "It is a method: call it first, with ()"),
    "positional": ("shopper.add('pen', 2, 'A')", 'Give the rest by name, as in server="A"'),
    "line": ("shopper.remove(shopper.login())", "a line of the cart is named by its product"),
    "kill_answer": ("lab.kill(shopper.login())", "write .served_by (here 'A')"),
    "no_server": ("lab.kill('D')", "no server 'D'"),
    "killed_twice": ("lab.kill('A'); lab.kill('A')", "is dead already"),
    "frozen_dead": ("lab.kill('A'); lab.pause('A')", "is dead: restart it before you pause it"),
    "store": ("lab.kill_store()", "this variant has no session store"),
    "number": ("shopper.login(server=1)", "a server is named by its name, 'A' or 'B', not by 1"),
    "results": ("lab.together([shopper.login()])", "together() takes functions, and was given a"),
    "condition": ("lab.until(shopper.login().ok, 5)", "until() takes functions, and was given a"),
    "in_together": ("lab.together([lambda: 1 / 0])", "ZeroDivisionError: division by zero"),
    "lab_verb": ("lab.login()", "the lab has no .login: did you mean shopper.login?"),
    "shopper_verb": ("shopper.kill('A')", "a shopper has no .kill: did you mean lab.kill?"),
    "sleep": ("lab.sleep(1)", "did you mean time.sleep?"),
    "object": ("lab.measure(x=object())", "x is of type object, which a result cannot keep"),
    "nan": ("lab.measure(x=float('nan'))", "x is nan, which cannot be kept as a number"),
    "theirs": ("lab.measure(carts_kept=9)", "the lab measures that itself"),
    "points": ("lab.curve('c', 'x', 'y', [1, 2])", "each point is a pair"),
    "crowd": ("lab.crowd(script, 5, 10, 1, warmup=1)", "no warmup=: did you mean warm_up_s=?"),
    "replay": ("shopper.replay('first')", "replay() takes what a verb returned"),
    "tries": ("shopper.login(tries='3')", "tries= is a whole number"),
    "timeout": ("shopper.login(timeout_s=0)", "timeout_s= is a number of seconds above 0"),
    "exit": ("import os; os._exit(0)", "os._exit() would end the lab without a result"),
    "sys_exit": ("import sys; sys.exit(0)", "To end a script, return from it."),
    "thread": (
        "import threading; threading.Thread(target=shopper.add, args=(1, 2, 3)).start()",
        "in a thread that was started at thread.py, line 2",
    ),
    "pool": (
        "from concurrent.futures import ThreadPoolExecutor as Pool; Pool().submit(int, 'x')",
        "ValueError: invalid literal for int()",
    ),
}


@pytest.fixture(scope="module")
def wrong(shared_lab):
    """Run them all as one batch: each fails, and the next one is still run."""
    files = []
    for name, (body, _) in WRONG.items():
        body = body if body.startswith(("lab.", "import ", "from ")) else f"seen = {body}"
        files.append(shared_lab.write(f"{name}.py", f"def script(shopper, lab):\n    {body}\n"))
    # Quick: the servers of the next one start while a script runs.
    started = shared_lab.start("run", *files, *ONE, "--quick", env={"COLUMNS": "200"})
    ended = shared_lab.finish(started, deadline_s=240)
    document = json.loads((shared_lab.runs / "latest" / "result.json").read_text("utf-8"))
    return ended, {each["name"]: each for each in document["experiments"]}


@pytest.mark.parametrize("name", WRONG)
def test_mistake_is_shown_with_the_students_line_and_what_was_meant(wrong, name):
    ended, results = wrong
    assert ended.status == 1
    result = results[name.replace("_", "-")]
    assert result["expectation_met"] is False
    body, said = WRONG[name]
    for variant in result["variants"]:
        assert variant["script_failed"], variant["trouble"]
        assert said in variant["traceback"]
        if name not in ("thread", "pool"):  # Python has no frame of theirs in there
            assert f'{name}.py", line 2, in script' in variant["traceback"]
            assert body.partition("; ")[2] in variant["traceback"]
        assert "/lab/" not in variant["traceback"].replace(f"/{name}.py", "")
    assert said in re.sub(r"\s+", " ", ended.out)


def test_batch_shows_each_failure_once_for_both_desks(wrong):
    ended, _ = wrong
    assert ended.out.count("THE SCRIPT FAILED") == len(WRONG)
    assert "UNKNOWN" not in ended.out


HIDDEN = """
def script(shopper, lab):
    shopper.login(server="A")
    shopper.add("laptop", server="A")
    seen = shopper.view_cart(server="B")
    {stops}
"""


@pytest.mark.parametrize("stops", ["{}['cart']", "import time; time.sleep(60)"])
def test_lab_looks_at_the_carts_after_a_scripts_exception_and_time_limit(lab_here, stops):
    script = lab_here.write("hidden.py", HIDDEN.format(stops=stops))
    ended = lab_here("run", script, *ONE, "--max-seconds", "3", "--json")
    assert ended.status == 1, ended
    for variant in json.loads(ended.out)["experiments"][0]["variants"]:
        assert variant["script_failed"]
        measured = variant["measurements"]
        assert (measured["carts_kept"], measured["carts_lost"]) == (1, 0)
        assert len(variant["closing_looks"]) == measured["closing_looks"] == 2


def test_server_is_named_in_upper_or_lower_case(lab_here):
    script = lab_here.write(
        "lower.py",
        "def script(shopper, lab):\n    shopper.login(server='a')\n"
        "    shopper.add('pen', server='a')\n    lab.kill('a')\n    lab.restart(' A ')\n"
        "    assert shopper.view_cart(server='b').target == 'B'\n",
    )
    ended = lab_here("run", script, *ONE, "--json")
    assert ended.status == 0, ended
    (result,) = json.loads(ended.out)["experiments"]
    variant = result["variants"][1]
    assert [each["target"] for each in variant["exchanges"]][:3] == ["A", "A", "B"]
    assert [(each["kind"], each["target"]) for each in variant["faults"]] == [
        ("kill", "A"), ("restart", "A"),
    ]  # fmt: skip


OBSERVES = """
def script(shopper, lab):
    shopper.login(server="A")
    shopper.add("pen", server="A")
    shopper.view_cart(server="A")


def observe(measured):
    return {returned}
"""
GOOD = OBSERVES.partition("\n\ndef observe")[0] + "\n"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ('measured["cart_kept"]', "did you mean 'carts_kept'?"),
        ("True", "observe() returned True: an Observation is expected"),
    ],
)
def test_wrong_observe_is_shown_kept_and_does_not_stop_the_batch(lab_here, returned, said):
    wrong = lab_here.write("wrong.py", OBSERVES.format(returned=returned))
    ended = lab_here("run", wrong, lab_here.write("good.py", GOOD), *ONE, env={"COLUMNS": "120"})
    assert ended.status == 1, ended
    assert said in re.sub(r"\s+", " ", ended.out)
    assert "line 8" in ended.out or "line 9" in ended.out
    document = json.loads((lab_here.runs / "latest" / "result.json").read_text("utf-8"))
    first, second = document["experiments"]
    assert (first["expectation_met"], first["verdict"]) == (False, "unknown")
    assert second["variants"][0]["measurements"]["carts_kept"] == 1


def test_print_goes_to_stderr_where_stdout_is_a_document(lab_here):
    text = "import os\nprint('as it loads')\n" + GOOD + "    print('as it runs')\n"
    text += "    os.system('echo from a child')\n"
    path = lab_here.write("prints.py", text)
    ended = lab_here("run", path, *ONE, "--json")
    json.loads(ended.out)
    for printed in ("as it loads", "as it runs", "from a child"):
        assert printed in ended.err
    assert "as it runs" in lab_here("run", path, *ONE).out


SLOW = """
import time


def script(shopper, lab):
    shopper.login()
    open("stands", "w").close()
    while True:
        time.sleep(0.05)
"""


@posix
def test_time_limit_ends_a_script_at_each_desk_with_its_line(lab_here):
    ended = lab_here("run", lab_here.write("slow.py", SLOW), *ONE, "--max-seconds", "1", "--json")
    assert ended.status == 1, ended
    (result,) = json.loads(ended.out)["experiments"]
    for variant in result["variants"]:
        assert variant["trouble"].startswith("the script had not ended after 1 s (--max-seconds ")
        assert re.search(r"it stood at slow\.py, line [89]: ", variant["trouble"])
        assert [each["status"] for each in variant["exchanges"]] == [200]


@posix
def test_ctrl_c_ends_a_script_with_its_line(lab_here):
    started = lab_here.start("run", lab_here.write("slow.py", SLOW), *ONE)
    wait_for((lab_here.folder / "stands").exists)
    started.send_signal(signal.SIGINT)
    ended = lab_here.finish(started)
    assert ended.status == 130, ended
    assert re.search(r"lab: stopped at slow\.py, line [89]: ", ended.err), ended.err
    (result,) = json.loads((lab_here.runs / "latest" / "result.json").read_text())["experiments"]
    assert result["interrupted"]
    assert re.match(r"slow\.py, line [89]: ", result["variants"][0]["traceback"])


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "0.0005", "4000d", ""])
def test_time_limit_that_is_none_is_refused(lab_here, seconds):
    ended = lab_here("run", "crash", "--max-seconds", seconds)
    assert ended.status == 2, ended
    assert "--max-seconds" in ended.err


@posix
@pytest.mark.parametrize("stop", ["breakpoint()", "import pdb; pdb.set_trace()"])
def test_breakpoint_stops_in_the_script_with_a_usable_prompt(lab_here, stop):
    text = (
        f"def script(shopper, lab):\n    number = 41\n    {stop}\n    lab.measure(number=number)\n"
    )
    terminal = AtTerminal(lab_here, "run", lab_here.write("mine.py", text), *ONE)
    for _ in range(2):  # at each desk
        terminal.answer("(Pdb) ", "p number + 1")
        terminal.answer("42", "number = 7")
        terminal.answer("(Pdb) ", "c")
    assert terminal.finish() == 3, terminal.text
    variants = terminal.result()["mine"]["variants"]
    assert [variant["measurements"]["number"] for variant in variants] == [7, 7]
    before = terminal.text[: terminal.text.rindex("(Pdb)")]
    assert not re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", before), "a spinner moves beside the prompt"


@posix
def test_quitting_the_debugger_ends_the_script_with_its_line(lab_here):
    text = "def script(shopper, lab):\n    breakpoint()\n    shopper.login()\n"
    terminal = AtTerminal(lab_here, "run", lab_here.write("mine.py", text), *ONE)
    for _ in range(2):
        terminal.answer("(Pdb) ", "q")
    assert terminal.finish() == 1, terminal.text
    assert "BdbQuit" in terminal.text
    assert "line 3, in script" in terminal.text or "line 2, in script" in terminal.text
