"""The page's scenes.js and ending.js: which scene shows, what the last one says, what is kept."""

import json

import msgspec
import pytest
from page_modules import address, needs_node, printed

from lab.console.lesson import plan

pytestmark = needs_node

CHAPTERS = msgspec.to_builtins(plan.load())["chapters"]
CRASH = next(each for each in CHAPTERS if each["slug"] == "the-crash")
IDLE = {"recording": None, "act": {"running": False, "where": ""}, "wanted": None}
IDLE |= {"epoch": "lab", "scene": {"begun": 7, "script": "the-crash/0"}, "following": False}
CART = {"fate": None, "kept": 0, "lost": 0, "refused": 0, "unanswered": 0, "status": 200}
CART |= {"replicas": 1, "requests": 3, "bytes_out_mean": 200, "store_operations": 0, "orders": 0}
CART |= {"answered": 3, "useful": 1, "copies": 0, "second_lost": 0, "acknowledged": 1, "kills": 1}
CART |= {"failed": 0, "unknown": 0, "looks": 2, "shown": 2, "shown_wrong": 0, "second_got": 0}
CART |= {
    "third_lost": 0,
    "all_lost": 0,
    "saved": 0,
    "resold": 0,
    "priced": 0,
    "old_price": 0,
    "grown": 0,
    "sessions": 0,
}


def facts(stateful, stateless):
    both = {"stateful": {**CART, **stateful}, "stateless": {**CART, **stateless}}
    return {f"{desk}.{name}": value for desk, own in both.items() for name, value in own.items()}


REFUSED = 'return new Response(`{"detail": "On purpose."}`, { status: 409 })'
SILENT = {"unanswered": 1, "failed": 1}
CRASHED = facts({"lost": 1, **SILENT}, {"kept": 1, **SILENT})


def done(guess, found=CRASHED):
    return {"acts": {"0": {"state": "done", "took": 5, "guess": guess, "facts": found}}}


def run(code, **given):
    """Return what the JavaScript expression gives."""
    uri = {name: address(name) for name in ("scenes", "ending", "announce")}
    script = f"""
        globalThis.sessionStorage = {{ getItem: () => null, setItem() {{}} }};
        globalThis.addEventListener = () => {{}};
        globalThis.location = {{ search: "" }};
        globalThis.matchMedia = () => ({{ matches: false }});
        globalThis.requestAnimationFrame = () => 1;
        const scenes = await import({uri["scenes"]});
        const given = {json.dumps(given)};
        console.log(JSON.stringify(await (async () => {{ return {code}; }})()));
    """.replace("ENDING", uri["ending"]).replace("ANNOUNCE", uri["announce"])
    return printed(script)


@pytest.mark.parametrize(
    ("state", "notes", "scene"),
    [
        ({}, {"acts": {}}, "ask"),
        ({}, {"guess": 1, "acts": {}}, "ask"),
        ({}, done(2), "so"),
        ({}, {"acts": {"0": {"state": "failed"}}}, "ask"),
        ({"act": {"running": True}}, done(2), "watch"),
        ({"recording": {"name": "run"}}, {"acts": {}}, "watch"),
        ({"wanted": {"slug": "the-crash", "scene": "watch"}}, done(2), "watch"),
        ({"wanted": {"slug": "another", "scene": "watch"}}, done(2), "so"),
        ({"wanted": {"slug": "the-crash", "scene": "so"}}, {"acts": {}}, "ask"),
    ],
)
def test_scene_follows_from_what_runs_was_run_and_is_wanted(state, notes, scene):
    code = "scenes.sceneOf(given.state, given.chapter, given.notes)"
    assert run(code, state={**IDLE, **state}, chapter=CRASH, notes=notes) == scene


def findings(guess, found=CRASHED, chapter=CRASH, number=0):
    result = {"facts": found, "guess": guess, "number": number}
    return run("scenes.findingsOf(given.chapter, given.result)", chapter=chapter, result=result)


FAILED = {"number": "1 of 3", "unit": "requests failed", "harm": True}


def test_verdict_is_a_case_of_its_own_only_where_that_was_measured():
    retried = facts({"lost": 1}, {"kept": 1})
    assert findings(2, retried)["verdict"] == CRASH["result"]["verdicts"]["stateless"]
    survived = findings(2, facts({"kept": 1, **SILENT}, {"kept": 1, **SILENT}))
    assert survived["verdict"] == "Half true: the carts survive, the request does not."
    assert survived["good"] is False  # though the cart was kept at both


def test_last_scene_says_two_words_and_a_number_for_each_desk():
    found = findings(2)
    assert [(each["words"], each["numbers"], each["good"]) for each in found["desks"]] == [
        ("cart lost", [{"number": "1", "unit": "cart lost", "harm": True}, FAILED], False),
        ("cart kept", [{"number": "0", "unit": "carts lost", "harm": False}, FAILED], True),
    ]
    assert found["verdict"].startswith("Half true: the stateless cart survives")
    assert (found["right"], found["good"]) == ("yes", False)


@pytest.mark.parametrize(("guess", "right"), [(0, "no"), (1, "no"), (2, "yes"), (3, "no")])
def test_prediction_is_answered_with_its_own_reason(guess, right):
    found = findings(guess)
    choice = CRASH["predict"]["choices"][guess]
    assert (found["right"], found["because"]) == (right, choice["because"])
    assert choice["text"] in found["said"]


def test_result_that_no_answer_foresaw_is_said_and_nothing_is_marked_right():
    found = findings(2, facts({"lost": 0, "kept": 0}, {"lost": 0, "kept": 0}), CHAPTERS[0])
    assert found["right"] == "none"
    assert found["because"] == ""


def test_number_beside_a_desk_changes_when_the_badge_of_a_request_shows():
    """That is at its turn, and not only when it is back."""
    now = {**IDLE, "plan": {"chapters": [CRASH]}, "view": {"step": 1}, "lesson": {}}
    now |= {"act": {"running": True, "where": "the-crash/0", "since": 0, "by": "view"}}
    now |= {"me": {"who": "c1"}, "second": None, "third": None, "following": False}
    look = {"id": 1, "op": "c1-stateful-1", "desk": "stateful", "who": "c1", "method": "GET"}
    look |= {"path": "/api/cart", "status": 401, "fate": "lost", "underway": True, "bytes_sent": 9}
    code = """scenes.tallyOf(given.now, { stack: {}, faults: [], requests: [], most: {},
        exchanges: new Map([[given.look.op, given.look]]) }).numbers"""
    numbers = run(code, now=now, look=look)
    assert [each[0]["number"] for each in numbers.values()] == ["1", "0"]


@pytest.mark.parametrize("state, lost", [("dead", "1"), ("up", "0")])
def test_cart_that_is_drawn_as_gone_is_counted_as_lost_before_its_owner_looks(state, lost):
    now = {**IDLE, "plan": {"chapters": [CRASH]}, "view": {"step": 1}, "lesson": {}}
    now |= {"act": {"running": True, "where": "the-crash/0", "since": 0, "by": "kill"}}
    now |= {"me": {"who": "c1"}, "second": None, "third": None, "following": False}
    add = {"id": 1, "op": "c1-stateful-1", "desk": "stateful", "who": "c1", "method": "POST"}
    add |= {"path": "/api/cart/items", "status": 201, "served_by": "A", "instance": "i1"}
    add |= {"bytes_sent": 9, "response": {"headers": {}, "body": {"cart": {"lines": []}}}}
    server = {"name": "A", "state": state, "instance": "i1" if state == "up" else None}
    desks = {"stateful": [server], "stateless": []}
    stack = {"desks": desks, "settings": {"stateful": {"store": "memory"}}}
    code = """scenes.tallyOf(given.now, { stack: given.stack, faults: [], requests: [], most: {},
        exchanges: new Map([[given.add.op, given.add]]) }).numbers"""
    numbers = run(code, now=now, add=add, stack=stack)
    assert [each[0]["number"] for each in numbers.values()] == [lost, "0"]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter["slug"])
@pytest.mark.parametrize("fate", [{"kept": 1}, {"lost": 1}, {"status": 401, "refused": 3}])
def test_every_chapter_says_something_of_whatever_is_measured(chapter, fate):
    found = findings("skip", facts(fate, fate), chapter)
    result = chapter["result"]
    cases = [each["words"] for each in result["cases"]]
    assert found["verdict"] in [*result["verdicts"].values(), *cases]
    assert all(each["words"] != "not measured" for each in found["desks"])


@pytest.mark.parametrize(
    ("fate", "drawn", "said"),
    [("kept", "kept", "kept"), ("lost", "unshown", "not shown"), ("lost", "lost", "lost")],
)
def test_cart_is_announced_as_it_is_drawn(fate, drawn, said):
    event = {"kind": "exchange", "desk": "stateful", "who": "c1", "status": 401, "fate": fate}
    code = "(await import(ANNOUNCE)).sentence(given.event, 'c1', given.cart)[0]"
    assert run(code, event=event, cart={"fate": drawn}) == f"Stateful: cart {said}."


OPEN = CHAPTERS[-1]
SCRIPTS = range(4)


@pytest.mark.parametrize("number", SCRIPTS)
@pytest.mark.parametrize("fate", [{"kept": 1}, {"lost": 1, "copies": 1, "grown": 9}])
def test_choice_of_a_reader_is_run_and_each_choice_has_a_verdict(number, fate):
    choice = OPEN["predict"]["choices"][number]
    script = run("scenes.scriptOf(given.chapter, given.guess)", chapter=OPEN, guess=number)
    assert script["label"] == OPEN["acts"][choice.get("act", 0)]["label"]
    for guess, said in ((number, "You chose"), ((number + 1) % 4, "This was run for")):
        found = findings(guess, facts(fate, {"kept": 1}), OPEN, number)
        assert found["said"] == f"{said} “{choice['text']}”"
        assert (found["right"], found["because"]) == ("open", choice["because"])
        result = OPEN["acts"][number].get("result") or OPEN["result"]
        assert found["verdict"] in result["verdicts"].values()
        assert all(each["words"] != "not measured" for each in found["desks"])


@pytest.mark.parametrize(("guess", "shown"), [(0, 0), (2, 2), (3, 2), ("skip", 0)])
def test_row_of_the_open_question_is_of_the_choice_where_that_was_run(guess, shown):
    acts = {str(n): {"state": "done", "facts": CRASHED, "took": n} for n in range(3)}
    code = "scenes.resultOf(given.notes, given.chapter).number"
    assert run(code, notes={"acts": acts, "guess": guess}, chapter=OPEN) == shown


def test_ending_has_a_row_for_each_chapter_and_keeps_it_as_markdown():
    chapters = [{**CRASH, "title": "A | B"}, CHAPTERS[0]]
    code = """await (async () => {
        const { rowsOf, asMarkdown } = await import(ENDING);
        return asMarkdown(rowsOf(given.chapters, given.lesson), "2026-11-27");
    })()"""
    text = run(code, chapters=chapters, lesson={"the-crash": done(0)})
    first, second = text.splitlines()[-2:]
    chosen = CRASH["predict"]["choices"][0]["text"]
    assert first.startswith(f"| 1 | A \\| B | {chosen} |")
    assert "cart lost, 1 cart lost, 1 of 3 requests failed; " in first
    assert "cart kept, 0 carts lost, 1 of 3 requests failed" in first
    assert second == f"| 2 | {CHAPTERS[0]['title']} | – | not run | – | – |"


DRAWBACKS = next(each for each in CHAPTERS if each["slug"] == "the-drawbacks")


def test_case_of_a_chapter_ends_with_its_own_result_and_judges_no_prediction():
    bitten = facts({"resold": 0}, {"resold": 1, "copies": 1})
    found = findings(0, {**bitten}, DRAWBACKS) | run(
        "scenes.findingsOf(given.chapter, given.result)",
        chapter=DRAWBACKS,
        result={"number": 1, "facts": bitten, "guess": 0},
    )
    assert [each["words"] for each in found["desks"]] == ["sold once", "sold twice"]
    assert found["verdict"] == "The order was sold twice at the stateless desk."
    assert (found["right"], found["said"]) == ("open", "")


def test_cases_are_scored_beside_each_other_and_those_that_have_not_run_are_empty():
    bitten = facts({}, {"copies": 1})
    notes = {
        "acts": {"0": {"state": "done", "took": 1, "facts": bitten}, "1": {"state": "stopped"}}
    }
    cases = run("scenes.casesOf(given.chapter, given.notes)", chapter=DRAWBACKS, notes=notes)
    assert len(cases) == 5
    first, *others = cases
    assert [(each["number"], each["harm"]) for each in first["desks"]] == [
        ("0", False),
        ("1", True),
    ]
    assert [each["desks"] for each in others] == [None] * 4
    assert run("scenes.casesOf(given.chapter, given.notes)", chapter=CRASH, notes=notes) == []


def test_prediction_is_judged_by_the_script_that_its_question_is_about():
    asked = {"state": "done", "took": 1, "guess": 2, "facts": facts({}, {"copies": 1})}
    later = {"state": "done", "took": 9, "guess": 2, "facts": facts({}, {"resold": 1})}
    notes = {"acts": {"0": asked, "1": later}}
    code = "[scenes.resultOf(given.notes), scenes.resultOf(given.notes, given.chapter)]"
    newest, judged = run(code, chapter=DRAWBACKS, notes=notes)
    assert (newest["number"], judged["number"]) == (1, 0)
    alone = {"acts": {"1": later}}
    assert run("scenes.resultOf(given.notes, given.chapter)", chapter=DRAWBACKS, notes=alone)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        ({"state": "stopped", "at": 0, "of": 9}, "• Stopped before its first step."),
        (
            {"state": "stopped", "at": 5, "of": 9},
            "• Stopped at step 5 of 9: what it measured is incomplete.",
        ),
        (
            {"state": "interrupted", "at": 5, "of": 9, "trouble": None},
            "? Interrupted by a reload of the page at step 5 of 9: what it measured is incomplete.",
        ),
        (
            {"state": "interrupted", "at": 5, "of": 9, "trouble": "a lost connection"},
            "? Interrupted by a lost connection at step 5 of 9: what it measured is incomplete.",
        ),
        (
            {"state": "failed", "at": 5, "of": 9, "trouble": "Try again."},
            "✕ It failed at step 5 of 9. Try again.",
        ),
        ({"state": "done", "at": 9, "of": 9}, None),
        ({}, None),
    ],
)
def test_run_without_an_end_says_how_far_it_came(act, sentence):
    assert run("scenes.endedOf(given.act)", act=act) == sentence


@pytest.mark.parametrize(
    ("answer", "connection", "noted"),
    [
        ("throw new Error()", "open", ("interrupted", "a lost connection")),
        (REFUSED, "lost", ("interrupted", "a lost connection")),
        (REFUSED, "open", ("failed", "On purpose.")),
    ],
)
def test_run_that_lost_its_connection_keeps_no_advice_of_that_moment(answer, connection, noted):
    code = """await (async () => {
        globalThis.localStorage = globalThis.sessionStorage;
        globalThis.AbortController = class { signal = {}; };
        globalThis.performance = { now: () => 0 };
        globalThis.document = {};
        const { set, state } = await import(STATE);
        globalThis.fetch = async () => { set({ connection: given.connection }); ANSWER; };
        const { runScript } = await import(SCRIPT);
        set({ instructor: true, connection: "open" });
        await runScript(given.chapter, 0);
        const { state: how, trouble } = state.lesson[given.chapter.slug].acts[0];
        return [how, trouble];
    })()"""
    code = code.replace("STATE", address("state")).replace("SCRIPT", address("script"))
    found = run(code.replace("ANSWER", answer), chapter=CRASH, connection=connection)
    assert tuple(found) == noted


@pytest.mark.parametrize(("wanted", "shown"), [(0, 0), (1, 1), (None, 1), (4, 1)])
def test_case_that_is_wanted_is_explained_if_it_has_run(wanted, shown):
    acts = {str(n): {"state": "done", "took": n, "facts": facts({}, {})} for n in (0, 1)}
    notes = {"acts": acts | {"4": {"state": "failed", "facts": None}}}
    code = "scenes.resultOf(given.notes, null, given.wanted)"
    assert run(code, notes=notes, wanted=wanted)["number"] == shown


@pytest.mark.parametrize(
    ("act", "gone"),
    [
        ({"running": True, "at": 1}, []),
        ({"running": True, "at": 2}, ["c2"]),
        ({"running": True, "at": 3}, ["c2", "c3"]),
        ({"running": False}, ["c2", "c3"]),
    ],
)
def test_customers_are_drawn_as_gone_from_the_step_in_which_they_leave(act, gone):
    steps = [{"do": "login"}, {"do": "leave", "as": "second"}, {"do": "leave", "as": "third"}]
    chapter = {**CRASH, "acts": [{"label": "They go", "steps": steps}]}
    notes = {"the-crash": done("skip")}
    whos = ["c1", "c2", "c3"]
    ran = {"stage": "lab.7", "slug": "the-crash", "number": 0, "since": 0, "whos": whos}
    notes["the-crash"]["acts"]["0"]["ran"] = ran
    now = {**IDLE, "plan": {"chapters": [chapter]}, "view": {"step": 1}, "lesson": notes}
    now |= {"act": {"where": "the-crash/0", "since": 0, **act}, "following": False}
    now |= {name: {"who": f"c{n}"} for n, name in enumerate(("me", "second", "third"), start=1)}
    assert run("scenes.awayOf(given.now)", now=now) == gone
    # Before the page knows the lesson there is no script, and nothing that runs.
    assert run("scenes.awayOf(given.now)", now={"plan": None, "recording": None}) == []


def load_of(*events):
    scene = {"exchanges": [], "faults": []}
    for number, (kind, more) in enumerate(events, start=1):
        scene[kind].append({"id": number, "desk": "stateful", **more})
    code = """(await import(LOAD)).loadOf({
        faults: given.scene.faults,
        exchanges: new Map(given.scene.exchanges.map((each) => [each.id, each])),
    }, "stateful", 0)"""
    return run(code.replace("LOAD", address("load")), scene=scene)


def test_load_is_counted_before_a_server_came_and_after_by_answer():
    asked = [
        ("exchanges", {"served_by": name, "status": status})
        for name, status in (("A", 200), ("A", 201), ("A", 200), ("B", 401), ("B", 401))
    ]
    added = ("faults", {"fault": "add", "target": "B"})
    found = load_of(
        *asked[:2], added, *asked[2:], ("exchanges", {"served_by": None, "status": 502})
    )
    assert found == {
        "before": {"A": {"served": 2, "refused": 0}},
        "after": {"A": {"served": 1, "refused": 0}, "B": {"served": 0, "refused": 2}},
    }
    assert load_of(*asked[:2])["before"] == {}


@pytest.mark.parametrize(
    ("after", "rows"),
    [
        ({}, {"A": [{"served": 11, "before": True}], "B": [{}]}),
        ({"B": {"served": 1}}, {"A": [{"served": 11, "before": True}], "B": [{"served": 1}]}),
        ({"A": {"served": 1}}, {"A": [{"served": 11, "before": True}, {"served": 1}], "B": [{}]}),
    ],
)
def test_load_of_a_server_stays_when_another_one_comes(after, rows):
    code = """(async () => {
        const { rowsAt } = await import(LOAD);
        return { A: rowsAt(given.load, "A"), B: rowsAt(given.load, "B") };
    })()""".replace("LOAD", address("load"))
    assert run(f"await {code}", load={"before": {"A": {"served": 11}}, "after": after}) == rows


def guide(lesson):
    code = "(await import(ENDING)).guideOf(given.chapters, given.lesson)"
    return run(code, chapters=CHAPTERS, lesson=lesson)


def test_guide_answers_each_situation_with_the_readers_own_measurements():
    *_, last = CHAPTERS
    assert len(last["evidence"]) == len(last["predict"]["choices"])
    slugs = [each["slug"] for each in CHAPTERS]
    assert {slug for each in last["evidence"] for slug in each} <= set(slugs)
    situations = guide({"the-crash": done(0), last["slug"]: {"guess": 0, "acts": {}}})
    assert [each["chosen"] for each in situations] == [True, False, False, False]
    measured = {each["number"]: each["desks"] for each in situations[0]["measured"]}
    assert "cart lost" in measured[slugs.index("the-crash") + 1][0]
    assert measured[slugs.index("any-server") + 1] is None  # not run, and not made up


def test_guide_is_kept_too():
    code = """await (async () => {
        const { rowsOf, guideOf, asMarkdown } = await import(ENDING);
        const { chapters, lesson } = given;
        return asMarkdown(rowsOf(chapters, lesson), "today", guideOf(chapters, lesson));
    })()"""
    text = run(code, chapters=CHAPTERS, lesson={"the-crash": done(0)})
    assert "  - The crash: Stateful: cart lost" in text
    assert text.count("not measured yet") == sum(map(len, CHAPTERS[-1]["evidence"])) - 1


RAN = {"stage": "lab.7", "slug": "the-crash", "number": 0, "since": 3, "whos": ["c1"]}
EMPTY = {"begun": 7, "script": "", "requests": [], "faults": [], "exchanges": {"size": 0}}
OTHERS = {"script": "caching/0"}
LED = {"chapter": "the-crash", "act": 0, "since": 3, "who": "c9", "state": "done"}


@pytest.mark.parametrize(
    ("now", "notes", "scene", "drawn"),
    [
        ({}, {}, {"script": "the-crash/0"}, "live"),  # this run, of somebody else's window
        ({}, {"ran": RAN}, {"script": "the-crash/0"}, "live"),
        ({"epoch": "another lab"}, {"ran": RAN}, {"script": "the-crash/0"}, "idle"),
        ({}, {"ran": {**RAN, "stage": "lab.5"}}, {"script": "the-crash/0"}, "idle"),
        ({}, {"ran": RAN}, {**OTHERS, "begun": 8}, "idle"),
        ({}, {}, OTHERS, "idle"),
        ({"byHand": 6}, {}, OTHERS, "live"),
        ({"byHand": 5}, {}, OTHERS, "idle"),
        ({"ran": RAN}, {}, OTHERS, "live"),  # a “What if …?”: nothing is noted of it
        ({}, {}, {}, "idle"),  # a stage on which nothing has happened
        ({}, {}, {"requests": [1]}, "live"),
        ({}, {}, {"faults": [1]}, "live"),
        ({}, {}, {"script": "scenes/the-crash", "requests": [1]}, "live"),
        ({"act": {"running": True, "where": "the-crash/0", "since": 6}}, {}, OTHERS, "live"),
        ({"act": {"running": True, "where": "the-crash/0", "since": 7}}, {}, OTHERS, "idle"),
        ({"act": {"running": True, "where": "caching/0", "since": 6}}, {}, OTHERS, "idle"),
        ({"recording": {}}, {}, OTHERS, "live"),
        ({"live": False}, {}, OTHERS, "live"),
        ({"following": True, "led": LED}, {}, {"script": "the-crash/0"}, "live"),
        ({"following": True, "led": LED}, {}, OTHERS, "idle"),
        ({"following": True, "led": {**LED, "since": 9}}, {"ran": RAN}, OTHERS, "idle"),
    ],
)
def test_stage_is_drawn_idle_where_it_holds_something_else(now, notes, scene, drawn):
    lesson = {"the-crash": done("skip")} if notes else {}
    if notes:
        lesson["the-crash"]["acts"]["0"] |= notes
    state = {**IDLE, "plan": {"chapters": CHAPTERS}, "view": {"step": 6}, "lesson": lesson}
    state |= {"live": True, "ran": None, "byHand": 0, "scene": {**EMPTY, **scene}, **now}
    step = run("scenes.idleOf(given.now)", now=state)
    assert step == (CRASH["acts"][0]["steps"][0] if drawn == "idle" else None)


def plot(slug, act=0, **more):
    """Who else sends requests while that script runs, at the step `by`."""
    step = next(n for n, each in enumerate(CHAPTERS, 1) if each["slug"] == slug)
    running = {"running": True, "where": f"{slug}/{act}", "at": 1, "since": 0, "by": ""}
    now = {"recording": None, "plan": {"chapters": CHAPTERS}, "view": {"step": step}, "lesson": {}}
    now |= {"act": running | more, "following": False, "epoch": "lab", "scene": EMPTY}
    return run("scenes.plotOf(given)", **now)


def test_recorded_request_is_sent_by_you_and_a_copied_one_by_the_thief():
    looks, sends = plot("replay-one-request", by="view"), plot("replay-one-request", by="replay")
    assert (sends["name"], sends["thief"], sends["copies"]) == ("you", "", "view")
    assert (looks["sends"], sends["sends"]) == (False, True)
    thief = plot("the-drawbacks", by="replay")
    assert (thief["name"], thief["thief"], thief["sends"]) == ("Mallory", "Mallory", True)
    assert plot("the-crash", by="view") is None


@pytest.mark.parametrize(("step", "sends"), [(5, False), (6, True)])
def test_follower_sees_the_copy_come_from_who_sends_it(step, sends):
    """The window that follows runs nothing itself: the presenter's step says who sends."""
    led = {"chapter": "replay-one-request", "act": 0, "who": "c1", "since": 0, "step": step}
    number = next(n for n, each in enumerate(CHAPTERS, 1) if each["slug"] == led["chapter"])
    now = {"live": True, "instructor": False, "following": True, "recording": None, "lesson": {}}
    now |= {"led": {**led, "state": "running"}, "act": {"running": False, "by": ""}}
    now |= {"plan": {"chapters": CHAPTERS}, "view": {"step": number}}
    now |= {"scene": {**EMPTY, "script": "replay-one-request/0"}}
    assert run("scenes.plotOf(given)", **now)["sends"] is sends
