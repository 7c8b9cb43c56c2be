"""A run without evidence is unknown, with exit status 3: never a pass, whichever desk starved."""

import re
from dataclasses import replace

import pytest

from lab import experiments
from lab.evidence.result import Settings, Verdict
from lab.evidence.run_document import exit_status
from lab.experiments import runner
from lab.experiments.matrix import REDIS, TOKEN, two_desks
from lab.experiments.runner import STORE_MISSING, Run
from lab.report import wording

UNKNOWN = Verdict.UNKNOWN
BOTH = two_desks(Settings(servers=2))


def perform(folder, by, script=None, variants=BOTH):
    experiment = experiments.find(by)
    if script:
        experiment = replace(experiment, script=script, quick_customers=1)
    (folder / "run").mkdir(mode=0o700)
    return Run(folder / "run", quick=True).perform(experiment, variants)


def no_writes(shopper, lab):
    """Ask only: no cart was ever promised."""
    shopper.view_cart()


def only_refused_writes(shopper, lab):
    """Write without a login: refused, so nothing is owed."""
    shopper.add("laptop")
    shopper.checkout()
    shopper.view_cart()


def only_a_login(shopper, lab):
    """After a login no cart is owed, and a refused change creates none."""
    shopper.login(server="A")
    shopper.add("unicorn", server="A")
    shopper.view_cart(server="A")


def no_reads_afterwards(shopper, lab):
    """Everything dies, and stays dead: no read can be answered after the fault."""
    shopper.login(server="A")
    shopper.add("laptop", server="A")
    shopper.view_cart(server="A")
    for server in lab.servers:
        lab.kill(server)


def nothing_is_killed(shopper, lab):
    """Shop on: a kept cart says nothing about a crash that there was not."""
    shopper.login(server="A")
    shopper.add("laptop", server="A")
    shopper.view_cart(server="A")


def killed_and_not_restarted(shopper, lab):
    """A kill is not a restart."""
    shopper.login(server="A")
    shopper.add("laptop", server="A")
    lab.kill("B")
    shopper.view_cart(server="A")


NO_WRITE = "no change was acknowledged"
NO_READ = "1 cart could not be read afterwards: no server is left to ask"


@pytest.mark.parametrize(
    ("by", "script", "words"),
    [
        ("any-server", no_writes, f"{NO_WRITE}: a look at the cart was answered 401: .+"),
        (
            "first-visit",
            only_refused_writes,
            f"{NO_WRITE}: the only add was answered 401: .+; the only checkout was answered 401.+",
        ),
        (
            "first-visit",
            only_a_login,
            f"{NO_WRITE}: the only add was answered 404: no product 'unicorn': .+",
        ),
        ("any-server", no_reads_afterwards, NO_READ),
        ("crash", no_reads_afterwards, NO_READ),
        ("crash", nothing_is_killed, "the death of the server was not confirmed"),
        ("restart-all", nothing_is_killed, "no restart was confirmed"),
        ("restart-all", killed_and_not_restarted, "no restart was confirmed"),
    ],
)
def test_starved_run_is_unknown_on_both_sides(tmp_path, by, script, words):
    result = perform(tmp_path, by, script)
    assert [v.verdict for v in result.variants] == [UNKNOWN] * 2
    for each in result.variants:
        assert re.fullmatch(words, wording.outcome(each)), wording.outcome(each)
    assert (result.verdict, result.expectation_met) == (UNKNOWN, None)
    assert exit_status([result]) == 3


@pytest.mark.parametrize("starved", ["stateful", "stateless"])
def test_starved_desk_is_enough(tmp_path, starved):
    """The claim may be about the other desk: what was to be compared was not."""

    def script(shopper, lab):
        if lab._context.variant.app != starved:
            shopper.login(server="A")
            shopper.add("laptop", server="A")
        shopper.view_cart(server="A")

    result = perform(tmp_path, "any-server", script, two_desks(Settings(servers=1)))
    seen = {v.app: v for v in result.variants}
    assert wording.outcome(seen.pop(starved)).startswith(NO_WRITE)
    (other,) = seen.values()
    assert other.verdict is Verdict.HOLDS
    assert result.expectation_met is None
    assert exit_status([result]) == 3


@pytest.mark.parametrize("by", ["any-server", "crash"])
def test_variants_without_their_store_are_unknown_and_say_how_to_get_one(tmp_path, monkeypatch, by):
    monkeypatch.setattr(runner, "find_store", lambda: None)
    variants = (replace(REDIS, settings=Settings(2, "redis")), replace(TOKEN, settings=Settings(2)))
    result = perform(tmp_path, by, variants=variants)
    redis, token = result.variants
    assert redis.trouble == wording.outcome(redis) == STORE_MISSING
    assert redis.verdict is UNKNOWN
    assert "lab doctor" in STORE_MISSING
    assert not redis.exchanges
    assert token.verdict is Verdict.HOLDS
    assert result.expectation_met is None
    assert exit_status([result]) == 3


def test_run_that_needs_a_missing_store_starts_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "find_store", lambda: None)
    monkeypatch.setattr(runner, "ProvisionedStack", None)
    result = perform(tmp_path, "any-server", variants=(REDIS,))
    assert result.verdict is UNKNOWN
    assert exit_status([result]) == 3
