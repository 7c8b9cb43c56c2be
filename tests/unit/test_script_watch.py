"""A student's file while it runs: its threads, its time, and calls that would end the lab."""

import math
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.cli.signals import StopSignal
from lab.core.errors import ScriptMistake
from lab.experiments.script_errors import at_length, is_theirs, place
from lab.experiments.script_watch import watched

SOON_S, LATE_S = 0.3, 120
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def written(tmp_path, text):
    """Write a script, and return its path and its function."""
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    names = {}
    exec(compile(text, str(path), "exec"), names)
    return path, names["script"]


def raised(tmp_path, text, kind, seconds=LATE_S):
    path, script = written(tmp_path, text)
    with pytest.raises(kind) as caught, watched(path, seconds):
        script()
    return path, caught.value


THREAD = """
import threading

def work():
    raise KeyError("mine")

def script():
    thread = threading.Thread(target=work)
    thread.start()
"""


def test_exception_in_a_thread_is_raised_at_the_end_with_both_lines(tmp_path):
    path, error = raised(tmp_path, THREAD, KeyError)
    text = at_length(error, path)
    assert 'mine.py", line 5, in work' in text
    assert "in a thread that was started at mine.py, line 9: thread.start()" in text


def test_thread_is_waited_for_until_it_ends(tmp_path):
    text = THREAD.replace('raise KeyError("mine")', "import time; time.sleep(0.2); 1 / 0")
    raised(tmp_path, text, ZeroDivisionError)


def test_exception_that_no_one_asks_a_future_for_is_raised(tmp_path):
    text = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def script():\n    with ThreadPoolExecutor(1) as pool:\n        pool.submit(int, 'x')\n"
    )
    raised(tmp_path, text, ValueError)


def test_exception_that_the_script_asked_for_is_its_own_affair(tmp_path):
    text = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def script():\n    with ThreadPoolExecutor(1) as pool:\n"
        "        assert pool.submit(int, 'x').exception()\n"
        "        try:\n            pool.submit(int, 'x').result()\n"
        "        except ValueError:\n            pass\n"
    )
    path, script = written(tmp_path, text)
    with watched(path, LATE_S):
        script()


def test_thread_of_another_program_is_left_to_its_own_hook(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    path, _ = written(tmp_path, "def script(): pass\n")
    with watched(path, LATE_S):
        stranger = threading.Thread(target=lambda: 1 / 0)
        stranger.start()
        stranger.join()
    assert seen == [ZeroDivisionError]


def test_everything_is_as_it_was_afterwards(tmp_path):
    def state():
        future = Future
        return (
            *(threading.Thread.start, threading.excepthook, os._exit, os.execv, os.execve),
            *(future.set_exception, future.result, future.exception, sys.gettrace()),
            *(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)),
        )

    before = state()
    raised(tmp_path, THREAD, KeyError)
    raised(tmp_path, "def script():\n    while True: pass\n", ScriptMistake, SOON_S)
    assert state() == before


@posix
def test_end_of_the_time_is_no_press_of_ctrl_c(tmp_path, monkeypatch):
    monkeypatch.setattr(StopSignal, "_last_s", -math.inf)
    before = signal.signal(signal.SIGINT, StopSignal())
    try:
        raised(tmp_path, "def script():\n    while True: pass\n", ScriptMistake, SOON_S)
        assert StopSignal._last_s == -math.inf
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "call", ["os._exit(0)", "os.execv('/bin/true', ['true'])", "os.execl('/bin/true', 'true')"]
)
def test_call_that_would_end_the_lab_is_refused(tmp_path, call):
    _, error = raised(tmp_path, f"import os\ndef script():\n    {call}\n", ScriptMistake)
    assert "would end the lab without a result: to end the script, return from it" in str(error)


@posix
def test_exit_under_its_other_name_is_refused_and_a_childs_is_not(tmp_path):
    raised(tmp_path, "import posix\ndef script():\n    posix._exit(0)\n", ScriptMistake)
    text = "import os\ndef script():\n    if not os.fork(): os._exit(7)\n    return os.wait()[1]\n"
    path, script = written(tmp_path, text)
    with watched(path, LATE_S):
        assert os.waitstatus_to_exitcode(script()) == 7


FOREVER = {
    "a loop": "def script():\n    while True:\n        pass\n",
    "a sleep": "import time\ndef script():\n    time.sleep(3600)\n",
    "a lock": "import threading\ndef script():\n    threading.Event().wait()\n",
    "a thread": (
        "import threading, time\ndef work():\n    while True:\n        time.sleep(0.01)\n"
        "def script():\n    threading.Thread(target=work).start()\n"
    ),
    "a pool": (
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\ndef work():\n"
        "    while True:\n        time.sleep(0.01)\n"
        "def script():\n    with ThreadPoolExecutor(1) as pool:\n        pool.submit(work)\n"
    ),
}  # fmt: skip


@posix
@pytest.mark.parametrize("text", FOREVER.values(), ids=FOREVER)
def test_script_without_an_end_is_ended_with_the_line_where_it_stood(tmp_path, text):
    _, error = raised(tmp_path, text, ScriptMistake, SOON_S)
    assert "the script had not ended after 0.3 s (--max-seconds gives it longer)" in str(error)
    assert "it stood at mine.py, line " in str(error)


@posix
def test_script_that_catches_everything_is_ended_too(tmp_path, monkeypatch):
    monkeypatch.setattr("lab.experiments.script_watch.INSIST_S", 0.2)
    text = (
        "import time\ndef script():\n    while True:\n        try:\n            time.sleep(0.05)\n"
        "        except:\n            pass\n"
    )
    raised(tmp_path, text, ScriptMistake, SOON_S)


@posix
def test_ctrl_c_carries_the_line_where_the_script_stood(tmp_path):
    text = "import os, signal\ndef script():\n    os.kill(os.getpid(), signal.SIGINT)\n"
    _, stopped = raised(tmp_path, text, KeyboardInterrupt)
    (line,) = stopped.__notes__
    assert line.startswith("mine.py, line 3: os.kill(")


def test_time_is_not_limited_in_a_debugger(tmp_path):
    text = (
        "import pdb, io, time\n"
        "class Slow(io.StringIO):\n"
        "    def readline(self):\n        time.sleep(1)\n        return 'c\\n'\n"
        "def script():\n    pdb.Pdb(stdin=Slow(), stdout=io.StringIO()).set_trace()\n    return 1\n"
    )
    path, script = written(tmp_path, text)
    tracing = sys.gettrace()  # a measurement of coverage; pdb ends it
    try:
        with watched(path, SOON_S):
            assert script() == 1
    finally:
        sys.settrace(tracing)


def test_no_limit_holds_where_the_main_thread_belongs_to_another_program(tmp_path):
    path, script = written(
        tmp_path, "import time\ndef script():\n    time.sleep(0.5)\n    return 1\n"
    )

    def run():
        with watched(path, 0.1):
            return script()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run).result() == 1


@pytest.mark.parametrize(
    ("filename", "theirs"),
    [
        ("mine.py", True), ("helper.py", True), ("deep/helper.py", True), ("<string>", False),
        ("<frozen posixpath>", False), ("../other.py", False), (subprocess.__file__, False),
        (pytest.__file__, False), (place.__code__.co_filename, False),
    ],
)  # fmt: skip
def test_files_of_a_student_are_those_in_the_folder_of_the_script(
    tmp_path, monkeypatch, filename, theirs
):
    monkeypatch.chdir(tmp_path)
    assert is_theirs(filename, Path("mine.py")) is theirs


def test_files_of_a_student_are_not_the_labs_where_both_lie_in_one_folder():
    root = Path(place.__code__.co_filename).parents[2]
    assert not is_theirs(place.__code__.co_filename, root / "mine.py")
    among_libraries = "site-packages" in root.parts  # where the lab is installed, not a checkout
    assert is_theirs(str(root / "helper.py"), root / "mine.py") is not among_libraries


def test_place_outside_the_script_is_none():
    try:
        int("x")
    except ValueError as error:
        assert place(error.__traceback__, Path("elsewhere/mine.py")) is None
