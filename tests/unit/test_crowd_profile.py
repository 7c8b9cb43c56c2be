"""What may be asked of a crowd: its load profile, its timetable, and the command line."""

import math

import click
import pytest

from lab.cli.crowd import crowd
from lab.core.errors import LabError
from lab.core.faults import FaultKind
from lab.crowd.load_profile import MAX_THREADS, LoadProfile
from lab.crowd.timetable import PlannedFault, parse_planned_fault
from lab.crowd.view import announcement


def refusal(read, *arguments):
    """The message of a LabError: one short line that can be shown on any terminal."""
    with pytest.raises(LabError) as refused:
        read(*arguments)
    message = str(refused.value)
    assert message.isprintable() and len(message) < 200
    return message


@pytest.mark.parametrize(
    "text",
    [
        *("B@", "@10s", "@", "store@", "A@-1s", "A@nan", "A B@1s", "A\n@1s", "A@1\ns"),
        *("A@1s\nB@2s", "A@1s@2s", "Ａ@1s", "Α@1s", "A 1s", "*@1s", "../A@1s", "A;B@1s"),
        *("A" * 10_000 + "@1s", "A@" + "1" * 10_000, "A@\x00", "\x1b[2J@1s", "A@1e999s", ""),
    ],
)
def test_timetable_entry_that_is_none_is_refused_with_one_that_is(text):
    message = refusal(parse_planned_fault, FaultKind.KILL, text)
    assert "such as --kill B@10s or --kill store@10s" in message or "give a duration" in message


def test_timetable_entry_is_read():
    kill, pause = FaultKind.KILL, FaultKind.PAUSE
    assert parse_planned_fault(kill, "B@10s") == PlannedFault(kill, "B", 10.0)
    assert parse_planned_fault(kill, "eu-west.1@1s") == PlannedFault(kill, "eu-west.1", 1.0)
    assert parse_planned_fault(pause, " store@500ms ") == PlannedFault(pause, "store", 0.5)
    assert str(parse_planned_fault(kill, "B@0.5m")) == "kill B@30s"


def test_threads_have_limits_and_the_error_says_what_to_install():
    assert LoadProfile("x.py", shoppers=MAX_THREADS).engine == "threads"
    for asked in ({"shoppers": MAX_THREADS + 1}, {"workers": 2}, {"waits_for_others": True}):
        assert 'pip install ".[crowd]"' in refusal(lambda a=asked: LoadProfile("x.py", **a))
        LoadProfile("x.py", engine="locust", **asked)


@pytest.mark.parametrize("shoppers", [0, -1, 1_000_001])
def test_profile_has_a_size(shoppers):
    assert "1 to 1,000,000" in refusal(
        lambda: LoadProfile("x.py", shoppers=shoppers, engine="locust")
    )


@pytest.mark.parametrize("at_s", [10.0, 10.1, math.inf, math.nan])
def test_fault_after_the_end_is_refused(at_s):
    fault = PlannedFault(FaultKind.KILL, "B", at_s)
    message = refusal(lambda: LoadProfile("x.py", for_s=10.0, timetable=(fault,)))
    assert "kill B" in message and "comes after the end" in message and "--for 10s" in message
    LoadProfile("x.py", for_s=10.0, timetable=(PlannedFault(FaultKind.KILL, "B", 9.99),))


def test_announcement_says_what_is_going_to_run():
    text = announcement(LoadProfile("x.py", 5, 100.0, 60.0, 0.5))
    assert text == "5 shoppers, 100 requests/s, 1min after 500ms of warm-up, on threads"
    assert "closed model" in announcement(LoadProfile("x.py", 100, None))


WRONG = [
    (["./nowhere.py"], "no file nowhere.py"),
    (["../x/"], "no file"),
    (["--kill", "q@1s"], "--kill Q: the targets are A, B, C"),
    (["--kill", "C@1s", "--servers", "2"], "--kill C: the targets are A, B"),
    (["--kill", "B@-1s"], "give a duration"),
    (["--kill", "B"], "give a target and a time, such as --kill B@10s"),
    (["--pause", "B@10s"], "comes after the end (--for 10s)"),
    (["--rate", "nan"], "give a rate, such as 300/s"),
    (["--for", "1e9s"], "give a duration"),
    (["--for", "0"], "give at least 1ms"),
    (["--for", "25d"], "at most 24d"),
    (["--shoppers", "0"], "'--shoppers'"),
    (["--workers", "65"], "'--workers'"),
    (["--join", "127.0.0.1:99999"], "write HOST or HOST:PORT"),
    (["--join", "127.0.0.1:0"], "write HOST or HOST:PORT"),
    (["--join", "127.0.0.1:٣"], "write HOST or HOST:PORT"),
    (["--join", ":5557"], "write HOST or HOST:PORT"),
    (["--join", "a b;c"], "write HOST or HOST:PORT"),
    (["--join", "x" * 10_000], "write HOST or HOST:PORT"),
    (["--listen", "0.0.0.0:5557"], "let other machines come by `ssh -L 5557"),
    (["--listen", "[::]:5557"], "write HOST or HOST:PORT"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=lambda each: str(each)[:40])
def test_wrong_usage_gets_what_would_be_right_and_leaves_no_run(arguments, words, tmp_path):
    with pytest.raises((LabError, click.UsageError)) as refused:
        crowd.main([*arguments, "--out", str(tmp_path)], standalone_mode=False)
    message = str(refused.value)
    assert words in message or words in refused.value.format_message()
    assert len(message) < 300 and message.isprintable()
    assert not list(tmp_path.iterdir()), "no run was begun, none is kept"
