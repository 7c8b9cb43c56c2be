"""Seeded bugs, one at a time: a named experiment or check catches each of them.

`LAB_CLEAN_RUNS` says how many clean runs must come out as expected (20).
"""

import ast
import os
import re
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import pytest

from lab import experiments
from lab.core.faults import FaultEvidence
from lab.evidence.result import Settings, Verdict
from lab.evidence.run_document import exit_status
from lab.experiments.matrix import two_desks
from lab.experiments.runner import Run
from lab.report import wording
from lab.seeded_bugs.bugs import BUGS, chosen
from lab.shop.http import ConfigError
from lab.stack import access_log, local_server, server_pool

HOLDS, FAILS, DEPENDS, UNKNOWN = (
    Verdict.HOLDS,
    Verdict.FAILS,
    Verdict.DEPENDS,
    Verdict.UNKNOWN,
)
AFFECTED, NOT_AFFECTED, CONFIRMED = (
    Verdict.AFFECTED,
    Verdict.NOT_AFFECTED,
    Verdict.CONFIRMED,
)
CLEAN_RUNS = int(os.environ.get("LAB_CLEAN_RUNS", "20"))
SEEDED = "lab.seeded_bugs"
FAST = [("first-visit", 1), ("any-server", 2), ("first-visit", 2), ("crash", 2), ("any-server", 1)]

# Bug, the experiment that catches it, what that says of a variant with the bug in it (in words
# of this pattern), and which variants those are, if not all that can have the bug.
WRONG_LOOK = r"first: GET /api/cart of \w+ (showed|has revision) "
GOODS = r"GET /api/cart of \w+ showed |POST /api/cart/items of \w+ showed "
CATCHERS = [
    ("drop-adds", "first-visit", FAILS, rf"answers were wrong; first: ({GOODS}).*were expected"),
    ("twice", "first-visit", FAILS, r"POST /api/cart/items of \w+ showed .*'laptop', 2"),
    ("leak-cart", "first-visit", FAILS, r"GET /api/cart of \w+ showed the cart of \w+"),
    ("trust-price", "first-visit", FAILS, r"POST /api/cart/items answered 201, 422 was expected"),
    ("missing-vary", "first-visit", FAILS, r"GET /api/cart may be kept by a cache"),
    ("missing-vary", "caching", FAILS, r"[1-9]\d* of \d+ carts", "memory token"),
    ("evict", "first-visit", FAILS, r"answered 401, 201 was expected"),
    ("key-per-process", "any-server", FAILS, r"^\d+ of \d+ looks showed the acknowledged cart"),
    ("key-per-process", "restart-all", FAILS, r"^0 of \d+"),
    ("key-per-process", "key-rotation", UNKNOWN, r"refused while all servers knew", "token"),
    ("global-dict", "any-server", FAILS, r"^\d+ of \d+ looks showed the acknowledged cart"),
    ("global-dict", "crash", FAILS, r"^\d+ of \d+ acknowledged carts kept"),
    ("global-dict", "restart-all", FAILS, r"^0 of \d+"),
    ("login-keeps-id", "fixation", FAILS, r"^[1-9]\d* of \d+ planted ids opened", "memory"),
    ("no-expiry", "logout", AFFECTED, r"no end seen", "token-short-expiry"),
    (
        "no-signature",
        "readable",
        AFFECTED,
        r"changed or forged without the key and accepted.*not even",
    ),
    ("random-instance", "any-server", UNKNOWN, "a process the lab did not start"),
    ("signs-as-a", "any-server", UNKNOWN, "a process the lab did not start"),
    ("newest-from-cache", "replay-one", FAILS, r"^[0-3] of 4 reproduced alone", "token"),
    ("write-through", "storage", FAILS, r"bytes a request written to files", "token"),
    ("stale-after-patch", "first-visit", FAILS, r"^[1-9]\d* of \d+ answers were wrong; first: GET"),
    ("double-30th", "first-visit", FAILS, r"first: GET /api/cart of \w+ showed "),
    ("leak-50th", "first-visit", FAILS, r"GET /api/cart of \w+ showed the cart of \w+"),
    ("lost-at-once", "first-visit", FAILS, WRONG_LOOK),
    ("price-in-token", "stale-price", AFFECTED, r"carts at the old price", "token"),
    ("checkout-keeps-cart", "first-visit", FAILS, WRONG_LOOK),
    ("revision-stands-still", "first-visit", FAILS, r"has revision 0, 1 was expected"),
    ("remove-does-nothing", "first-visit", FAILS, WRONG_LOOK),
    ("address-forgotten", "first-visit", FAILS, r"checkout of \w+ has the address None, '"),
    ("wrong-total", "first-visit", FAILS, r"POST /api/cart/items of \w+ showed .* were expected"),
    ("drop-40th", "first-visit", FAILS, WRONG_LOOK),
    ("logout-keeps-session", "logout", AFFECTED, r"no end seen", "memory"),
    (
        "shared-by-initial",
        "any-server",
        FAILS,
        r"looks showed the acknowledged cart",
        "memory token",
    ),
    (
        "capped-silently",
        "first-visit",
        FAILS,
        r"first: POST /api/cart/items of \w+ showed .* were expected",
    ),
    ("patch-adds", "first-visit", FAILS, r"first: PATCH /api/cart/items/pen of \w+ showed "),
    ("order-number-counts", "first-visit", FAILS, r"2 orders have the number '\d+'"),
    (
        "oldest-line-goes",
        "first-visit",
        FAILS,
        r"POST /api/cart/items of \w+ showed .* were expected",
    ),
    ("orders-nothing", "first-visit", FAILS, r"POST /api/checkout answered 201, 409 was expected"),
    (
        "sells-anything",
        "first-visit",
        FAILS,
        r"POST /api/cart/items answered 201, 404 was expected",
    ),
    ("cacheable-changes", "first-visit", FAILS, r"POST /api/cart/items may be kept by a cache"),
    ("any-user-id", "url-token", UNKNOWN, r"with another customer's userId beside it", "token"),
    ("logout-of-all", "logout", UNKNOWN, r"who did not log out were out, too", "memory"),
    ("counting-ids", "fixation", FAILS, r"guessed ids opened the cart", "memory"),
    (
        "last-one-in-an-outage",
        "store-outage",
        UNKNOWN,
        r"another cart while the store was",
        "redis",
    ),
]


# One of each kind is tried by the usual test command, all of them by `pytest -m long`.
OFTEN = {
    ("drop-40th", "first-visit"),
    ("lost-at-once", "first-visit"),
    ("leak-50th", "first-visit"),
    ("missing-vary", "first-visit"),
    ("newest-from-cache", "replay-one"),
    ("write-through", "storage"),
    ("global-dict", "crash"),
    ("key-per-process", "restart-all"),
    ("login-keeps-id", "fixation"),
    ("no-expiry", "logout"),
    ("no-signature", "readable"),
    ("price-in-token", "stale-price"),
    ("signs-as-a", "any-server"),
}
OF_THE_STORE = {"last-one-in-an-outage"}


def variants_with(experiment, name):
    """Return what to run: the variants that can have the bug, with it, and those it is all about.

    They have two servers where they had more, and need no store, unless the bug is about it.
    """
    bug = BUGS[name]
    variants = {}
    for variant in (*experiment.variants, *two_desks(Settings())):
        is_needed = name in OF_THE_STORE and not variant.persistence
        if variant.module or (variant.settings.store != "memory" and not is_needed):
            continue
        settings = replace(variant.settings, servers=min(2, variant.settings.servers))
        clean, desk = replace(variant, settings=settings), f"{variant.app}_app"
        env = {**variant.env, "SEEDED_BUG": name, "DESK": desk}
        seeded = replace(clean, module=SEEDED, env=env)
        own = variant in experiment.variants or all(v.module for v in experiment.variants)
        if own and desk in bug.apps:
            variants[variant.name] = (clean, seeded)
        elif own and experiment.about(variant):
            variants[variant.name] = (clean, clean)
    return variants


def with_bug(experiment, pairs):
    """Return the experiment, which takes a variant with a bug for the one it was before."""
    seeded = {seeded.name: clean for clean, seeded in pairs.values()}

    def about(variant):
        return experiment.about(seeded.get(variant.name, variant))

    def expecting(variant):
        expected = experiment._expected_of(seeded[variant.name])
        return replace(variant, expect=expected)

    variants = tuple(expecting(variant) for _, variant in pairs.values())
    return replace(experiment, variants=variants, expectations=variants, about=about)


def perform(folder, experiment, variants):
    folder.mkdir(mode=0o700, exist_ok=True)
    return Run(folder, seed=1, quick=True).perform(experiment, variants)


@pytest.mark.parametrize(
    ("name", "by", "verdict", "sign", "where"),
    [
        pytest.param(*(*row, None)[:5], marks=() if row[:2] in OFTEN else pytest.mark.long)
        for row in CATCHERS
    ],
    ids=[f"{row[0]}-by-{row[1]}" for row in CATCHERS],
)
def test_each_bug_is_caught_by_a_named_experiment(tmp_path, name, by, verdict, sign, where):
    clean = experiments.find(by)
    experiment = with_bug(clean, variants_with(clean, name))
    result = perform(tmp_path / "run", experiment, experiment.variants)
    seeded = {each.name for each in experiment.variants if each.module == SEEDED}
    shown = [each for each in result.variants if each.name in seeded]
    shown = [each for each in shown if not where or each.name in where.split()]
    assert shown, f"{name} is nowhere in {by}"
    for each in shown:
        assert each.trouble is None or verdict is UNKNOWN, each.trouble
        assert each.verdict is verdict, each.outcome
        assert re.search(sign, wording.outcome(each)), wording.outcome(each)
    # Refuted, or no evidence any more: never a pass.
    assert result.expectation_met is (None if verdict is UNKNOWN else False), wording.reasons(
        result
    )
    assert exit_status([result]) == (3 if verdict is UNKNOWN else 1)


@pytest.mark.parametrize(
    ("name", "by"), [("no-expiry", "logout"), ("login-keeps-id", "fixation"),
                     ("global-dict", "restart-all"), ("drop-adds", "first-visit")],
)  # fmt: skip
def test_variants_without_the_bug_come_out_as_expected(tmp_path, name, by):
    """What catches a bug is the bug, and not the way these tests set up their variants."""
    clean = experiments.find(by)
    variants = {name: (before, before) for name, (before, _) in variants_with(clean, name).items()}
    experiment = with_bug(clean, variants)
    result = perform(tmp_path / "run", experiment, experiment.variants)
    assert result.expectation_met is True, wording.reasons(result)


def test_every_seeded_bug_has_a_catcher():
    assert set(BUGS) == {row[0] for row in CATCHERS}
    assert len(BUGS) >= 11  # and three of the lab's own, below: a kill, a balancer, a log


@pytest.mark.long
@pytest.mark.timeout(60 + 12 * CLEAN_RUNS)
def test_no_false_alarm_in_clean_runs(tmp_path):
    """As many runs without a bug: every verdict as expected, no surprise, nothing unknown."""
    alarms = []
    for number, (name, servers) in enumerate(islice(cycle(FAST), CLEAN_RUNS)):
        experiment = replace(experiments.find(name), quick_customers=4)
        result = perform(tmp_path / str(number), experiment, two_desks(Settings(servers=servers)))
        if result.expectation_met is not True:
            trouble = [each.trouble for each in result.variants]
            alarms.append((number, name, wording.reasons(result), trouble))
    assert not alarms


# The lab itself broken: it must not believe what it cannot have seen.


def test_kill_that_kills_nothing_is_not_confirmed(tmp_path, monkeypatch):
    monkeypatch.setattr(local_server.Child, "kill", lambda self: None)
    monkeypatch.setattr(local_server, "DEATH_TIMEOUT_S", 0.2)
    result = perform_crash(tmp_path)
    monkeypatch.undo()
    assert "was not confirmed" in wording.reasons(result)
    assert_unknown(result)


def test_kill_that_kills_nothing_and_says_it_did_is_seen_through(tmp_path, monkeypatch):
    monkeypatch.setattr(local_server.Child, "kill", lambda self: None)
    monkeypatch.setattr(local_server, "kill_and_watch", feigned_death)
    result = perform_crash(tmp_path)
    monkeypatch.undo()
    assert [fault.confirmed for fault in result.variants[0].faults] == [True]
    assert "answered by a process the lab did not start" in wording.reasons(result)
    assert_unknown(result)


def feigned_death(child, port, instance):
    return FaultEvidence(
        pid=child.pid,
        instance=instance,
        signal="SIGKILL",
        process_gone=True,
        port_closed=True,
        seconds=0.001,
    )


def test_balancer_with_retries_on_is_seen_in_its_log(tmp_path, monkeypatch):
    config = server_pool.ServerPool.config
    monkeypatch.setattr(
        server_pool.ServerPool, "config", lambda self: replace(config(self), retry="on")
    )
    result = perform_crash(tmp_path)
    assert "asked a second server, with retries off" in wording.reasons(result)
    assert_unknown(result)


def test_retries_that_were_asked_for_are_no_trouble(tmp_path):
    result = perform_crash(tmp_path, retry="on")
    assert result.variants[0].trouble is None
    assert result.verdict is HOLDS


def lossy(entries):
    return [entry for number, entry in enumerate(entries, start=1) if number % 5]


def repeating(entries):
    return [*entries, *entries[:1]]  # the first is the script's own; the last a closing look


@pytest.mark.parametrize(
    ("spoil", "sign"), [(lossy, r"[1-9]\d* requests? missing"), (repeating, "1 logged more than")]
)
def test_log_that_loses_or_repeats_lines_is_no_witness(tmp_path, monkeypatch, spoil, sign):
    entries = access_log.AccessLog.entries
    monkeypatch.setattr(access_log.AccessLog, "entries", lambda self: spoil(entries(self)))
    result = perform_crash(tmp_path, by="any-server")
    assert re.search(sign, wording.reasons(result)), wording.reasons(result)
    assert_unknown(result)


def test_log_with_lines_that_cannot_be_read_is_no_witness(tmp_path, monkeypatch):
    parse = access_log.parse
    monkeypatch.setattr(
        access_log, "parse", lambda line, tag: None if b"login" in line else parse(line, tag)
    )
    monkeypatch.setattr("lab.experiments.provision.LOG_DEADLINE_S", 0.2)
    result = perform_crash(tmp_path, by="any-server")
    assert "could not be read" in wording.reasons(result)
    assert_unknown(result)


def perform_crash(folder, by="crash", **settings):
    variants = [v for v in two_desks(Settings(**settings)) if v.app == "stateless"]
    return perform(folder / "run", experiments.find(by), variants)


def assert_unknown(result):
    assert (result.verdict, result.expectation_met) == (UNKNOWN, None)
    assert exit_status([result]) == 3


# The fence.


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_seeded_bugs_are_imported_by_no_module_of_the_lab():
    """A desk may be run with one, by name, as a process of its own: that is all."""
    lab = Path(experiments.__file__).parents[1]
    outside = [path for path in lab.rglob("*.py") if "seeded_bugs" not in path.parts]
    assert len(outside) > 50
    assert not [
        path for path in outside if any("seeded_bugs" in name for name in imported_by(path))
    ]


@pytest.mark.parametrize(
    ("environ", "refusal"),
    [
        ({}, r"SEEDED_BUG is '': use one of .*drop-adds, .*global-dict"),
        ({"SEEDED_BUG": "none", "DESK": "stateful_app"}, "'none': use one of .*drop-adds"),
        ({"SEEDED_BUG": "twice"}, "DESK is '': twice needs stateful_app or stateless"),
        ({"SEEDED_BUG": "twice", "DESK": "os"}, "DESK is 'os'"),
        ({"SEEDED_BUG": "evict", "DESK": "stateless_app"}, "evict needs stateful_app$"),
    ],
)
def test_bug_or_desk_that_does_not_exist_is_refused(environ, refusal):
    with pytest.raises(ConfigError, match=refusal):
        chosen(environ)


@pytest.mark.parametrize("name", BUGS)
def test_every_bug_says_in_a_sentence_what_it_does(name):
    assert re.fullmatch(r"[A-Z].{10,90}\.", BUGS[name].does)
