"""report.html: one offline page without scripts, honest, and unmoved by hostile text."""

import shlex

import pytest
from report_documents import (
    HOSTILE,
    crash,
    crowd,
    exchange,
    experiment,
    fault,
    hostile,
    outcome,
    run,
    story,
    typed,
    variant,
)
from report_pages import Page, assert_offline_and_inert

from lab.core.text import visible
from lab.report import wording
from lab.report.html import command, page
from lab.report.sequence import MOST_ROWS, diagram, story_of


@pytest.mark.parametrize("make", [crash, crowd, hostile, run])
def test_every_page_is_offline_without_scripts_and_well_formed(make):
    assert_offline_and_inert(page(make()))


def test_hostile_text_is_shown_as_text():
    read = assert_offline_and_inert(page(hostile()))
    assert "<script>alert(1)</script>" in read.words
    assert "{{7*7}}" in read.words
    assert "\\u202eltr" in read.words


def test_page_of_a_document_is_the_same_each_time():
    assert page(hostile()) == page(hostile())


def test_ids_are_unique_and_links_lead_somewhere():
    read = Page(page(crash()))
    ids = [value for _, name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = {value[1:] for _, name, value in read.attributes if name == "href"}
    assert links <= set(ids)


def test_restart_is_drawn_as_a_restart_in_both_of_its_moments():
    begun = {"pid": 7, "signal": "SIGKILL", "for_restart": True}
    faults = [fault(evidence=begun), fault("restart", evidence={"instance": "b", "was": "a"})]
    it = variant(exchanges=[exchange("a")], faults=faults, order=["a", "kill A", "restart A"])
    drawn = [row.label for row in diagram(story(it), {}).rows if row.kind == "fault"]
    assert drawn == ["✕ restart A (kill): pid 7, SIGKILL, confirmed", "↻ restart A: confirmed"]


def test_page_says_what_a_report_must_say():
    words = Page(page(crash())).words
    for part in (
        "Servers can crash or restart without affecting users.",
        "✓ holds",
        "1 of 1 acknowledged carts kept",
        "lab run crash --seed 42",
        "1.31.3, from PATH",
        "2026-11-24 07:55:35 UTC",  # the first answer's Date, less the half second before it
        "✕ 1 cart lost",
        "✓ 1 cart kept",
        "✕ kill A: pid 7, SIGKILL, confirmed",
        "502",
        "curl -i --path-as-is -sS",
        'Bearer \'"$TOKEN"',
    ):
        assert part in words, part


def test_unknown_verdict_does_not_look_like_success():
    document = run(
        experiment(
            [variant(trouble="no session store here", outcome=None, measurements={})],
            verdict="unknown",
            expectation_met=None,
        )
    )
    text = page(document)
    words = Page(text).words
    assert "? nothing concluded" in words
    assert "This is not a pass" in words
    assert 'class="verdict holds"' not in text
    assert "✓ 1" not in words


def test_quick_run_and_one_cut_short_say_so():
    words = Page(page(run(experiment([variant()], quick=True, interrupted=True)))).words
    assert "Quick run." in words
    assert "Cut short." in words
    assert "--seed 42 --quick" in words


def test_empty_run_says_so():
    assert "Nothing was run." in Page(page(run())).words


def test_broken_expectation_stands_in_the_table_of_verdicts():
    document = run(experiment([variant(broken_expectation="assert 1 == 2")], expectation_met=False))
    assert "! stateful: assert 1 == 2" in Page(page(document)).words


def test_sure_and_wrong_comes_first():
    def predicted(name, right, confidence):
        made = {"question": f"{name}?", "choices": ["yes", "no"], "predicted": 0}
        made |= {"confidence": confidence, "right": right, "explanation": "Because."}
        made["observed"] = {True: 0, False: 1, None: None}[right]
        return experiment([variant()], name=name, prediction=made)

    words = Page(
        page(
            run(
                predicted("right", True, "certain"),
                predicted("guessed", False, "guess"),
                predicted("sure", False, "certain"),
                predicted("open", None, "certain"),
            )
        )
    ).words
    summary = words[words.index("the surest wrong ones first") : words.index("Question")]
    assert summary.index("sure?") < summary.index("guessed?") < summary.index("right?")
    for part in ("✕ not as predicted", "✓ as predicted", "? not known", "Because."):
        assert part in words


# --- the diagram


def test_short_record_is_drawn_whole():
    drawn = diagram(story_of(crash().experiments[0].variants[0]), {})
    assert [row.kind for row in drawn.rows] == ["exchange", "fault", "exchange", "exchange"]
    assert [row.look for row in drawn.rows] == ["plain", "down", "doubt", "lost"]
    assert (drawn.drawn, drawn.of) == (3, 3)
    assert "stateful-3" in drawn.rows[3].title


def test_killed_server_has_no_life_until_it_is_restarted():
    events = [exchange("a"), exchange("b", served_by="A")]
    order = ["a", "kill A", "restart A", "b"]
    it = variant(exchanges=events, faults=[fault(), fault("restart")], order=order)
    drawn = diagram(story(it), {})
    at_a = next(column.x for column in drawn.columns if column.name == "A")
    life = [line for line in drawn.lines if line.x == at_a]
    assert [line.state for line in life] == ["up", "down", "up"]
    assert [line.top for line in life[1:]] == [line.bottom for line in life[:-1]]


def test_arrow_reaches_a_server_only_if_the_request_did():
    unanswered = exchange(status=502, served_by=None, outcome="failed")
    drawn = diagram(story(variant(exchanges=[unanswered])), {})
    balancer = next(column.x for column in drawn.columns if column.kind == "balancer")
    assert drawn.rows[0].to_x == drawn.rows[0].from_x == balancer
    asked_for = diagram(story(variant(exchanges=[unanswered | {"target": "B"}])), {}).rows[0]
    assert asked_for.to_x > asked_for.from_x == balancer


def test_request_without_an_answer_has_no_arrow_back():
    silent = exchange(status=None, served_by=None, outcome="unknown", error="ReadTimeout")
    assert diagram(story(variant(exchanges=[silent])), {}).rows[0].from_x == 0


def test_long_record_is_cut_visibly_around_the_fault():
    drawn = diagram(story_of(crowd().experiments[0].variants[0]), {})
    kinds = [row.kind for row in drawn.rows]
    assert kinds.count("fault") == 1
    assert kinds.count("gap") == 2
    assert len(drawn.rows) <= MOST_ROWS + 2
    assert drawn.of == 180
    left = sum(int(row.label.split()[0]) for row in drawn.rows if row.kind == "gap")
    assert drawn.drawn + left == 180
    text = page(crowd())
    assert f"{drawn.drawn} of 180 requests drawn" in text
    assert "in the list below" in text


def test_record_past_what_a_page_can_hold_says_how_much_is_missing():
    text = page(run(experiment([variant(exchanges=[exchange(f"x-{n}") for n in range(450)])])))
    assert "50 more exchanges are not shown here: they are in result.json." in text


def test_paper_can_break_between_strips_and_none_is_lost():
    drawn = diagram(story_of(crowd().experiments[0].variants[0]), {})
    assert [row for _, _, rows in drawn.strips for row in rows] == drawn.rows
    assert sum(height for _, height, _ in drawn.strips) == drawn.height
    assert all(top <= row.y < top + height for top, height, rows in drawn.strips for row in rows)


# --- charts


def curve(points, **more):
    return {"x": "lines", "y": "bytes", "points": points} | more


def test_variants_with_a_curve_of_the_same_title_share_a_chart():
    variants = [
        variant("stateful", measurements={"size": curve([[1, 300], [50, 310]])}),
        variant("stateless", "stateless", measurements={"size": curve([[1, 400], [50, 5000]])}),
    ]
    text = page(run(experiment(variants)))
    assert text.count("<figure>") == 1
    assert_offline_and_inert(text)
    figure = text[text.index("<figure>") : text.index("</figure>")]
    for words in ("stateful", "stateless", "lines", "bytes", "5,000"):
        assert words in figure


def test_words_as_x_make_bars_and_a_gap_stays_a_gap():
    points = [["A", 60], ["B", None], ["C", 59]]
    text = page(run(experiment([variant(measurements={"load": curve(points)})])))
    assert "bar-graph" in text
    assert_offline_and_inert(text)


@pytest.mark.parametrize(
    "points", [[], [[1]], [[1, "x"]], "text", [["A", 1], [2, 3]], [[1, None]], [[1, True]], [None]]
)
def test_value_that_is_no_curve_is_not_drawn(points):
    text = page(run(experiment([variant(measurements={"odd": curve(points)})])))
    assert "<figure>" not in text
    assert "odd" in text


@pytest.mark.parametrize("points", [[[1, 1]], [[0, 0], [0, 0]], [[1, -5], [2, 1e12]]])
def test_odd_curves_are_drawn(points):
    assert "<figure>" in page(run(experiment([variant(measurements={"odd": curve(points)})])))


# --- words


def test_command_has_the_settings_that_were_chosen():
    it = experiment([variant(), variant("stateless", "stateless")])
    assert command(typed(it)) == "lab run crash --seed 42"
    it["variants"][0]["knobs"] |= {"servers": 5, "store": "file", "affinity": "cookie"}
    expected = "lab run crash --servers 5 --store file --affinity cookie --seed 42"
    assert command(typed(it)) == expected


def test_command_is_made_of_words_that_a_shell_reads_as_they_are():
    it = experiment([variant(), variant("stateless", "stateless")], argument="./a [b] $(c) 'd'.py")
    url = "http://10.0.0.2/?a=b&c=d"
    it["variants"][0] |= {"upstreams": [url]}
    it["variants"][0]["knobs"] |= {"servers": 1, "store": "redis://h/0?ssl_ca_certs=a b"}
    words = shlex.split(command(typed(it)))
    assert words[:3] == ["lab", "run", "./a [b] $(c) 'd'.py"]
    assert words[words.index("--upstream") + 1] == url
    assert words[words.index("--store") + 1] == "redis://h/0?ssl_ca_certs=a b"


def test_command_names_servers_that_were_not_the_labs_own():
    it = experiment([variant("stateless", "stateless")])
    it["variants"][0] |= {"upstreams": ["http://10.0.0.2:5001", "http://10.0.0.3:5001"]}
    it["variants"][0]["knobs"] |= {"servers": 2, "store": None}
    urls = "--upstream http://10.0.0.2:5001 --upstream http://10.0.0.3:5001"
    assert command(typed(it)) == f"lab run crash {urls} --seed 42"


@pytest.mark.parametrize(
    ("measures", "n"),
    [
        ([{"k": 12, "n": 36, "unit": "reads"}], "36"),
        ([{"k": 3.5, "unit": "ms (medians of 20)"}], "–"),
        ([{"k": 3.5, "unit": "ms"}, {"k": 1, "n": 2000}, {"k": 3, "n": 4}], "2,000"),
        ([], "–"),
    ],
)
def test_n_is_that_of_the_deciding_measure(measures, n):
    seen = {"verdict": "holds", "measures": measures}
    variants = [variant(outcome=outcome("holds", 7, 7)), variant("b", "stateless", outcome=seen)]
    assert wording.sample_size(typed(experiment(variants))) == n


# --- words


def deciding(*names, **changes):
    variants = [
        variant("memory", outcome=outcome("fails", 0, 3)),
        variant("token", "stateless", outcome=outcome("holds", 12, 12) | {"note": "a note"}),
        variant("redis", outcome=None, trouble="no session store here"),
        variant("file", outcome=None),
    ]
    return typed(experiment(variants, decided_by=list(names)) | changes)


def test_words_are_made_from_measures_notes_and_trouble():
    assert wording.outcomes(deciding("token")) == [
        "memory: 0 of 3 acknowledged carts kept",
        "token: 12 of 12 acknowledged carts kept; a note",
        "redis: no session store here",
        "file: not run",
    ]


def test_decision_is_that_of_the_variants_the_claim_is_about():
    assert wording.decision(deciding("token")) == "12 of 12 acknowledged carts kept; a note"
    both = "memory: 0 of 3 acknowledged carts kept; redis: no session store here"
    assert wording.decision(deciding("memory", "redis")) == both
    assert wording.decision(deciding("token", note="cut short")) == "cut short"
    assert wording.decision(deciding()) == "nothing could be concluded"


def test_surprise_says_what_was_seen_expected_and_why():
    found = [{"variant": "memory", "seen": "fails", "expected": "holds"}]
    found += [{"variant": "gone", "seen": "fails", "expected": "holds"}]
    assert wording.surprises(deciding("token", surprises=found)) == [
        "memory: fails, expected holds (0 of 3 acknowledged carts kept)",
        "gone: fails, expected holds",
    ]


def test_visible_leaves_nothing_hidden():
    assert visible("a\tb\nc é 漢 😀") == "a\tb\nc é 漢 😀"
    assert visible("\x1b\u202e\ud800\U000e0041") == "\\u001b\\u202e\\ud800\\U000e0041"
    assert "\x00" not in visible(HOSTILE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"argument": "crash"}, "lab run crash --predict"),
        ({"argument": "./m2b_argtype.py", "name": "m2b-argtype"}, "./m2b_argtype.py --predict"),
        ({"argument": "./mine.py", "kind": "script", "claim": "", "verdict": None}, ""),
    ],
)
def test_command_that_asks_for_a_prediction_is_one_that_works(changes, said):
    html = page(run(experiment([variant()], **changes)))
    assert said in html
    assert ("--predict" in html) == bool(said)
