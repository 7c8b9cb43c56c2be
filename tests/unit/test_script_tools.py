"""What a script does at the same time: results in order, exceptions raised, mistakes explained."""

import threading

import pytest

from lab.core.errors import ScriptMistake
from lab.experiments.script_tools import ScriptTools

DEADLINE_S = 60
TOOLS = ScriptTools()


@pytest.mark.parametrize("at_once", [1, 2, 16])
def test_together_returns_results_in_order(at_once):
    assert TOOLS.together([lambda n=n: n * n for n in range(20)], at_once) == [
        n * n for n in range(20)
    ]


def test_together_of_nothing_is_nothing():
    assert TOOLS.together([]) == []


def test_together_runs_actions_at_once():
    meeting = threading.Barrier(3)
    assert len(TOOLS.together([lambda: meeting.wait(DEADLINE_S)] * 3)) == 3


def test_together_runs_all_and_raises_the_first_exception():
    ran = []

    def act(number):
        ran.append(number)
        if number in (1, 3):
            raise KeyError(number)

    with pytest.raises(KeyError, match="1"):
        TOOLS.together([lambda n=n: act(n) for n in range(5)], at_once=1)
    assert ran == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("action", [None, 5, "add", ["add"]])
def test_together_explains_a_result_in_place_of_a_function(action):
    with pytest.raises(ScriptMistake, match=r"takes functions, and was given a result, .*lambda"):
        TOOLS.together([print, action])


@pytest.mark.parametrize("actions", [print, None, 5])
def test_together_takes_a_list(actions):
    with pytest.raises(ScriptMistake, match=r"together\(\[one, other\]\)"):
        TOOLS.together(actions)


@pytest.mark.parametrize("at_once", [0, -1, 1.5, "3", None, True])
def test_together_refuses_a_number_that_is_none(at_once):
    with pytest.raises(ScriptMistake, match="a whole number from 1"):
        TOOLS.together([print], at_once)


def test_verb_while_repeats_until_the_other_is_done():
    seen = threading.Event()
    assert TOOLS.while_(seen.set, lambda: seen.wait(DEADLINE_S)) is True


def test_verb_while_raises_what_went_wrong_in_the_background():
    failed = threading.Event()

    def busy():
        failed.set()
        raise KeyError("busy")

    with pytest.raises(KeyError, match="busy"):
        TOOLS.while_(busy, lambda: failed.wait(DEADLINE_S))


def test_verbs_while_and_until_explain_a_result_in_place_of_a_function():
    for call in (
        lambda: TOOLS.while_(None, print),
        lambda: TOOLS.while_(print, 5),
        lambda: TOOLS.until(True, 5),
    ):
        with pytest.raises(ScriptMistake, match="takes functions"):
            call()
