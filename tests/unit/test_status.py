"""`lab status` says in words what runs, and names servers as commands take them."""

from types import SimpleNamespace

import pytest

from lab.cli.status import print_status
from lab.console.chapter_changes import CHAPTER_SETTINGS, ChapterChanges
from lab.console.stack_state import CHANGE_WORDS, DeskSettings, StackState
from lab.core.errors import NotPossible
from lab.core.faults import target_named
from lab.processes.ports import hold_ports
from lab.processes.spawn import Children
from lab.stack.local_server import LocalServer
from lab.stack.pool_spec import PoolSpec

USUAL = "store memory, affinity none, retry off, cache off"
ALL = {name: values[1] for name, values in CHAPTER_SETTINGS.items()}


@pytest.mark.parametrize(
    ("changed", "stateful", "stateless"),
    [
        ({}, "", ""),
        ({"prices": "reduced"}, ", new price list", ", new price list"),
        ({"key": "second"}, "", ", new signing key"),
        (ALL, ", new price list", ", parcels hold prices, new price list, new signing key"),
    ],
    ids=str,
)
def test_status_says_in_words_what_a_chapter_has_changed(changed, stateful, stateless, capsys):
    settings = DeskSettings("memory", "none", "off", "off", changed)
    print_status(StackState("", {}, {"stateful": settings, "stateless": settings}))
    lines = capsys.readouterr().out.splitlines()
    assert f"stateful: {USUAL}{stateful}" in lines
    assert f"stateless: {USUAL}{stateless}" in lines


def test_every_change_of_a_chapter_has_words():
    assert ChapterChanges(**ALL).unusual().keys() == CHANGE_WORDS.keys()


def test_messages_name_a_server_as_a_command_takes_it(tmp_path):
    (port,) = hold_ports(1)
    server = LocalServer(PoolSpec("stateful", "stateful_app"), "B", port, tmp_path, Children())
    server._child = SimpleNamespace(running=lambda: False, ending="SIGKILL")
    for fault in (server.kill, server.pause):
        with pytest.raises(NotPossible) as refused:
            fault()
        named = str(refused.value).split()[0]
        assert target_named(named) == named == "stateful/B"
    port.release()
