"""What counts as a confirmed fault, and what each fault leaves behind."""

import msgspec
import pytest

from lab.core.faults import FaultEvent, FaultEvidence, FaultKind, is_confirmed

ENDED = {"process_gone": True, "port_closed": True}


@pytest.mark.parametrize("kind", [FaultKind.KILL, FaultKind.DRAIN])
@pytest.mark.parametrize(
    ("seen", "confirmed"),
    [
        (ENDED, True),
        ({**ENDED, "process_gone": False}, False),
        ({**ENDED, "port_closed": False}, False),
        ({"port_closed": True}, True),  # of another machine's server only the port is seen
        ({"process_gone": True}, False),
        ({}, False),
    ],
)
def test_end_is_confirmed_by_a_closed_port_and_no_process_left(kind, seen, confirmed):
    assert is_confirmed(kind, FaultEvidence(**seen)) is confirmed


@pytest.mark.parametrize(
    ("kind", "seen", "confirmed"),
    [
        ("restart", {"was": "a1", "instance": "a2"}, True),
        ("restart", {"was": "a1", "instance": "a1"}, False),
        ("restart", {"was": "a1"}, False),
        ("pause", {"frozen": True}, True),
        ("pause", {"frozen": False}, False),
        ("pause", {}, None),
        ("resume", {"frozen": True}, False),
        ("resume", {"frozen": False}, True),
        ("resume", {}, None),
        ("add", {"routed": True}, True),
    ],
)
def test_faults_but_a_kill_are_confirmed_by_what_was_seen(kind, seen, confirmed):
    assert is_confirmed(FaultKind(kind), FaultEvidence(**seen)) is confirmed


def test_every_kind_leaves_a_state_and_has_a_rule():
    for kind in FaultKind:
        assert kind.state_after in ("up", "paused", "dead", "gone")
        assert is_confirmed(kind, FaultEvidence()) in (False, None)


def test_event_is_json_without_what_was_not_seen_and_is_read_back():
    event = FaultEvent(FaultKind.PAUSE, "B", 1.5, True, FaultEvidence(pid=7, frozen=True))
    text = msgspec.json.encode(event)
    assert msgspec.json.decode(text)["evidence"] == {"pid": 7, "frozen": True}
    assert msgspec.json.decode(text, type=FaultEvent) == event
    unseen = FaultEvidence(process_gone=None, port_closed=True)
    assert msgspec.to_builtins(unseen) == {"process_gone": None, "port_closed": True}


@pytest.mark.parametrize("kind", ["hang", "stop", "heal", "start", "remove", "KILL", ""])
def test_no_other_word_is_a_fault(kind):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(kind, FaultKind)


def test_process_that_the_lab_did_not_start_is_not_seen():
    assert not FaultEvidence(pid=3, process_gone=None, port_closed=True).sees_process
    assert FaultEvidence(pid=3, **ENDED).sees_process
    assert FaultEvidence(pid=3, frozen=True).sees_process
    assert not FaultEvidence(frozen=None).sees_process
