"""Two variants of a kept run as the page's events: what was recorded, in order, nothing made up."""

import json
from itertools import pairwise

import pytest
from report_documents import (
    HOSTILE,
    as_json,
    crash,
    crowd,
    exchange,
    experiment,
    fault,
    hostile,
    typed,
    variant,
)

from lab.console import playback
from lab.console.diagram import live_story, sequence_of
from lab.console.event_making import setting_changed
from lab.console.events import RequestEvent, Stamped
from lab.core.errors import LabError
from lab.evidence.run_document import event_name


def events_of(*arguments, **how):
    """A recording as the page gets it."""
    return [each.json() for each in playback.play(*arguments, **how).events]


def played(variants, left="stateful", right="stateless", **how):
    return events_of(typed(experiment(variants)), left, right, **how)


def kinds(events):
    return [event["kind"] for event in events]


def servers(event, desk="stateful"):
    return {each["name"]: each for each in event["stack"]["desks"][desk]}


def states(event, desk="stateful"):
    return {name: each["state"] for name, each in servers(event, desk).items()}


def test_recording_begins_with_the_stage_and_shows_each_request_twice():
    events = events_of(crash().experiments[0], "stateful", None)
    assert kinds(events) == [
        *("stage", "request", "exchange", "fault"),
        *("request", "exchange", "request", "exchange"),
    ]
    assert [event["id"] for event in events] == list(range(1, 9))
    assert events[0]["at"] == 0
    assert all(one["at"] <= other["at"] for one, other in pairwise(events))
    assert [event["op"] for event in events if event["kind"] == "exchange"] == [
        "stateful-1",
        "stateful-2",
        "stateful-3",
    ]
    assert {event["desk"] for event in events[1:]} == {"stateful"}
    assert json.loads(json.dumps(events, allow_nan=False)) == events


def steps_of(variants, left="stateful", right="stateless"):
    """What is shown at once: the caption, and each desk with what happened there."""
    whole, shown, before = playback.play(typed(experiment(variants)), left, right), [], 1
    for step in whole.steps:
        events = [each.event for each in whole.events[before : step.to]]
        named = [
            f"{each.desk} {each.op}" if hasattr(each, "op") else f"{each.desk} {each.fault}"
            for each in events
            if not isinstance(each, RequestEvent)
        ]
        shown.append((step.say, named))
        before = step.to
    assert before == len(whole.events)
    return shown


def test_variants_are_shown_in_step_whatever_their_clocks_say():
    left = [exchange("l-1", at_s=0.1), exchange("l-2", at_s=0.2), exchange("l-3", at_s=0.3)]
    right = [exchange("r-1", at_s=5), exchange("r-2", at_s=9)]
    variants = [variant("stateful", exchanges=left), variant("stateless", "stateless", right)]
    assert [shown for _, shown in steps_of(variants)] == [
        ["stateful l-1", "stateless r-1"],
        ["stateful l-2", "stateless r-2"],
        ["stateful l-3"],
    ]
    # A request is known of when it is answered, by its own clock.
    assert played(variants)[1]["at"] == pytest.approx(0.1 + 0.0025)


def test_fault_is_shown_with_the_fault_of_the_other_variant():
    order = ["l-1", "kill A", "l-2"]
    left = variant(exchanges=[exchange("l-1"), exchange("l-2")], faults=[fault()], order=order)
    right = variant(
        "stateless",
        "stateless",
        [exchange("r-1"), exchange("r-2"), exchange("r-3")],
        faults=[fault(), fault("restart")],
        order=["r-1", "r-2", "kill A", "restart A", "r-3"],
    )
    assert [shown for _, shown in steps_of([left, right])] == [
        ["stateful l-1", "stateless r-1"],
        ["stateless r-2"],
        ["stateful kill", "stateless kill"],
        ["stateless restart"],
        ["stateful l-2", "stateless r-3"],
    ]


def test_caption_of_a_step_says_it_once_for_both_lanes():
    variants = [
        variant("stateful", exchanges=[exchange("a", path="/api/cart"), exchange("b")]),
        variant(
            "stateless",
            "stateless",
            [exchange("c", path="/api/cart"), exchange("d", method="DELETE")],
        ),
    ]
    (first, _), (other, _) = steps_of(variants)
    assert " · " not in first and " · " in other


def test_recorded_order_stands_where_times_are_equal_or_odd():
    order = ["a", "kill A", "b"]
    it = variant(exchanges=[exchange("a"), exchange("b", at_s=0.2)], faults=[fault()], order=order)
    events = played([it], right=None)
    assert kinds(events)[1::2] == ["request", "fault", "exchange"]
    assert events[-1]["at"] == 1.0  # not before the kill it came after


def test_variants_can_be_compared_in_any_pair_and_a_desk_left_empty():
    variants = [
        variant("memory", exchanges=[exchange("m")]),
        variant("file", exchanges=[exchange("f")]),
    ]
    events = played(variants, "file", "memory")
    assert {(event["op"], event["desk"]) for event in events[1:]} == {
        ("f", "stateful"),
        ("m", "stateless"),
    }
    empty = played(variants, None, None)
    assert kinds(empty) == ["stage"]
    assert empty[0]["stack"]["desks"] == {"stateful": [], "stateless": []}
    with pytest.raises(LabError, match=r"no variant 'redis'.*memory, file"):
        played(variants, "redis", None)


def test_customers_are_numbered_in_each_variant_as_they_came():
    shoppers = [exchange(f"x-{n}", customer=name) for n, name in enumerate(("Bob", "John", "Bob"))]
    events = played([variant(exchanges=shoppers)], right=None)
    assert [each["who"] for each in events if each["kind"] == "request"] == ["c1", "c2", "c1"]


# --- the stack, as the record has it


def test_stage_has_the_settings_and_the_servers_of_the_record():
    it = variant(exchanges=[exchange("a", served_by="B", instance="b1")])
    it["knobs"] |= {"servers": 2, "affinity": "cookie", "retry": "on", "store": "file"}
    stack = played([it, variant("stateless", "stateless")])[0]["stack"]
    assert {k: stack["settings"]["stateful"][k] for k in ("store", "affinity", "retry")} == {
        "store": "file",
        "affinity": "cookie",
        "retry": "on",
    }
    assert stack["settings"]["stateless"]["store"] == "token"
    first, second = stack["desks"]["stateful"]
    assert (first["name"], first["state"], first["instance"], first["pid"]) == (
        *("A", "up"),
        *(None, None),
    )
    assert (second["name"], second["instance"], second["port"]) == ("B", "b1", None)
    assert [each["name"] for each in stack["desks"]["stateless"]] == ["A", "B", "C"]
    assert stack["store"] is None


def test_server_dies_and_lives_again_under_another_instance():
    order = ["a", "kill A", "b", "restart A", "c"]
    faults = [
        fault(evidence={"pid": 7, "signal": "SIGKILL"}),
        fault("restart", at_s=2.0, evidence={"was": "a1", "instance": "a2"}),
    ]
    exchanges = [
        exchange("a", instance="a1"),
        exchange("b", status=502, served_by=None, instance=None, outcome="failed"),
        exchange("c", instance="a2"),
    ]
    events = played([variant(exchanges=exchanges, faults=faults, order=order)], right=None)
    at_first = servers(events[0])["A"]
    assert (at_first["state"], at_first["pid"], at_first["instance"]) == ("up", 7, "a1")
    killed, restarted = (each for each in events if each["kind"] == "fault")
    assert (killed["fault"], killed["target"], killed["confirmed"]) == ("kill", "A", True)
    assert killed["evidence"] == {"pid": 7, "signal": "SIGKILL"}
    gone = servers(killed)["A"]
    assert (gone["state"], gone["pid"], gone["instance"]) == ("dead", None, None)
    again = servers(restarted)["A"]
    assert (again["state"], again["pid"], again["instance"]) == ("up", None, "a2")
    assert states(restarted) == {"A": "up", "B": "up", "C": "up"}


def test_servers_are_paused_resumed_added_and_drained():
    order = ["pause B", "resume B", "add D", "drain A", "d"]
    faults = [fault(*each.split(), confirmed=None, evidence={}) for each in order[:-1]]
    it = variant(
        exchanges=[exchange("d", served_by="D", instance="d1")], faults=faults, order=order
    )
    events = played([it, variant("stateless", "stateless")])
    assert states(events[0]) == {"A": "up", "B": "up", "C": "up"}  # D came later
    paused, resumed, added, drained = (each for each in events if each["kind"] == "fault")
    assert states(paused)["B"] == "paused"
    assert states(resumed)["B"] == "up"
    assert states(added) == {"A": "up", "B": "up", "C": "up", "D": "up"}
    assert servers(added)["D"]["instance"] == "d1"
    assert states(drained) == {"B": "up", "C": "up", "D": "up"}
    assert states(drained, "stateless") == {"A": "up", "B": "up", "C": "up"}


def test_fault_of_the_store_belongs_to_no_desk():
    order = ["kill store", "restart store", "pause store", "resume store"]
    faults = [fault(*each.split(), evidence={"pid": 9}) for each in order]
    it = variant("redis", faults=faults, order=order)
    it["knobs"]["store"] = "redis"
    events = played([it], "redis", None, store_program="8.1.8, from PATH")
    store = {"state": "up", "pid": 9, "program": "8.1.8, from PATH", "sessions": None}
    assert events[0]["stack"]["store"] == store
    published = [(each["desk"], each["fault"], each["target"]) for each in events[1:]]
    assert published == [
        ("", "kill", "store"),
        ("", "restart", "store"),
        ("", "pause", "store"),
        ("", "resume", "store"),
    ]
    after = [each["stack"]["store"] for each in events[1:]]
    assert [each["state"] for each in after] == ["dead", "up", "paused", "up"]
    assert [each["pid"] for each in after] == [None, None, None, None]
    assert states(events[-1]) == {"A": "up", "B": "up", "C": "up"}


@pytest.mark.parametrize(
    ("keeps", "store"),
    [
        ("memory", None),
        ("redis", {"state": "up", "pid": None, "program": "", "sessions": None}),
        ("redis://host:6379", {"state": "external", "pid": None, "program": "", "sessions": None}),
    ],
)
def test_store_is_there_where_the_settings_say_so(keeps, store):
    it = variant()
    it["knobs"]["store"] = keeps
    assert played([it], right=None)[0]["stack"]["store"] == store


# --- the score, and what is too much


def test_score_ends_with_what_the_record_says():
    events = events_of(crash().experiments[0], "stateful", "stateless")
    assert all("score" in event for event in events)
    assert events[0]["score"]["stateful"]["requests"] == 0
    last = events[-1]["score"]
    assert last["stateful"]["requests"] == last["stateless"]["requests"] == 3
    assert last["stateful"]["errors"] == 1


def test_bytes_of_later_exchanges_are_left_and_their_requests_are_not():
    whole = crowd().experiments[0]
    events = events_of(whole, "stateful", None, full=10)
    assert kinds(events).count("request") == 180
    assert kinds(events).count("exchange") == 10
    assert events[-1]["score"]["stateful"]["requests"] == 180
    assert events[-1]["score"] == events_of(whole, "stateful", None)[-1]["score"]


def test_long_answer_is_cut_and_says_so():
    long = {"lines": ["x" * 100] * 1000}
    it = exchange(response={"headers": {}, "body": long})
    (published,) = [
        e for e in played([variant(exchanges=[it])], right=None) if e["kind"] == "exchange"
    ]
    body = published["response"]["body"]
    assert len(body) < playback.MOST_BODY_CHARS + 100
    assert f"({len(json.dumps(long))} characters, whole in result.json)" in body


def test_document_is_not_changed():
    document = crash()
    before = as_json(document)
    events_of(document.experiments[0], "stateful", "stateless")
    assert as_json(document) == before


def test_hostile_record_is_reported_as_text():
    events = events_of(hostile().experiments[0], HOSTILE, None)
    assert json.loads(json.dumps(events, allow_nan=False)) == events
    assert HOSTILE not in [each["name"] for each in events[0]["stack"]["desks"]["stateful"]]
    assert len(events[0]["stack"]["desks"]["stateful"]) <= 26


@pytest.mark.parametrize("at", [-5, -1e9])
def test_times_before_the_start_are_none(at):
    it = variant(exchanges=[exchange("a", at_s=at), exchange("b", at_s=0.5)])
    events = played([it], right=None)
    assert [each["at"] for each in events[1::2]] == [pytest.approx(0.0025), pytest.approx(0.5025)]


# --- the live history, drawn by the same code


def live(events):
    """A recording's events are those of a live stage."""
    return playback.play(events, "stateful", "stateless").events


def test_live_history_is_drawn_as_the_report_draws_it():
    whole = crash().experiments[0]
    drawn = sequence_of(live(whole), "stateful")
    assert drawn.count("<svg") == 1
    for words in (
        "POST /api/login",
        "✕ kill A: pid 7, SIGKILL, confirmed",
        "502",
        "cart not shown",
    ):
        assert words in drawn
    assert "stateless-" not in drawn
    again = live_story(live(whole), "stateful")
    assert [event_name(each) for each in again.events] == whole.variants[0].order
    assert again.servers == 3


def test_playback_draws_nothing_where_nothing_happened():
    assert sequence_of([], "stateful") == ""
    stage = live(typed(experiment([variant("stateful"), variant("stateless", "stateless")])))
    assert sequence_of(stage, "stateless") == ""


def test_fault_of_the_store_is_drawn_at_the_desk_that_uses_it():
    order = ["kill store"]
    redis = variant("stateful", exchanges=[], faults=[fault(target="store")], order=order)
    redis["knobs"]["store"] = "redis"
    events = live(typed(experiment([redis, variant("stateless", "stateless")])))
    assert "kill store" in sequence_of(events, "stateful")
    assert sequence_of(events, "stateless") == ""


def test_setting_that_was_changed_is_drawn_as_what_it_was_set_to():
    events = live(crash().experiments[0])
    stack = events[0].event.stack
    changed = Stamped(setting_changed("store", "memory", "redis", stack), 99, 9.0, {})
    drawn = sequence_of([*events, changed], "stateful")
    assert "store set to redis, at the desk" in drawn
    assert 'class="head store"' not in drawn
    assert "set to" not in sequence_of([*events, changed], "stateless")
    everywhere = Stamped(setting_changed("affinity", "none", "cookie", stack), 100, 9.0, {})
    for each in ("stateful", "stateless"):
        assert "affinity set to cookie" in sequence_of([*events, everywhere], each)
