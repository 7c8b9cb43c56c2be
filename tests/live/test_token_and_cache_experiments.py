"""Each of these experiments once, small: the textbook's verdict, from real processes."""

import re
import subprocess
import sys

import pytest

from lab.core.environment import current_environment
from lab.evidence.result import Verdict
from lab.experiments import find
from lab.experiments.runner import Run
from lab.experiments.stale_price import NEW_PRICE_WITHIN_S

OBSERVED = {  # which choice of its question each one bears out
    "replay-one": 1,
    "caching": 3,
    "stale-price": 1,
    "size": 1,
    "readable": 1,
    "key-rotation": 2,
    "url-token": 1,
}
LONG = re.compile(
    rb'"token": ?"[\w.-]{60,}"|[\w-]{40,}\.[\w-]{6}\.[\w-]{40,}|desk_session=[\w-]{20,}'
)


@pytest.fixture
def run(tmp_path):
    """Run one experiment quick; its variants' measurements by name, its expectation met."""

    def run_quick(name):
        run = Run(tmp_path / "run", quick=True)
        (tmp_path / "run").mkdir(mode=0o700)
        experiment = find(name)
        result = run.perform(experiment, experiment.variants)
        assert result.expectation_met, (
            result.surprises,
            [variant.trouble for variant in result.variants],
        )
        measured = {variant.name: variant.measurements for variant in result.variants}
        assert experiment.question.observed(measured) == OBSERVED[name]
        return result, measured

    yield run_quick
    kept = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert not (found := LONG.search(path.read_bytes())), (path, found)


def test_request_alone_reproduces_what_went_wrong(run):
    _, seen = run("replay-one")
    assert seen["token"]["reproduced_alone"] == seen["token"]["requests_to_explain"] == 4
    assert seen["memory"]["reproduced_alone"] == 0
    assert seen["memory"]["earlier_requests_needed"] == [1, 2, 1, 3]
    assert seen["token"]["earlier_requests_needed"] == [0, 0, 0, 0]


def test_cache_that_ignores_headers_gives_carts_away(run):
    result, seen = run("caching")
    assert result.verdict is Verdict.DEPENDS
    for name in ("memory", "token"):
        assert seen[name]["carts_from_cache"] == 0
        assert seen[name]["carts_that_reached_a_server"] == seen[name]["carts_asked"] == 12
        assert seen[name]["products_that_reached_a_server"] == 1
    for name in ("memory-naive", "token-naive"):
        assert seen[name]["wrong_carts_by_header"] == 6
        assert seen[name]["wrong_carts_by_url"] == 3
        assert seen[name]["carts_that_reached_a_server"] == 1


def test_old_price_is_charged_only_where_the_token_carries_it(run):
    result, seen = run("stale-price")
    assert result.verdict is Verdict.DEPENDS
    assert seen["price-in-token"]["order_total_cents"] == 129_900
    assert 0.2 < seen["price-in-token"]["seconds_until_honoured"] < NEW_PRICE_WITHIN_S
    for name in ("file", "token"):
        assert seen[name]["order_total_cents"] == 99_900
        assert seen[name]["carts_at_the_old_price"] == 0


@pytest.mark.parametrize("app", ["stateless_app", "stateful_app", "lab.variants.price_in_token"])
def test_desk_does_not_open_with_prices_that_cannot_be(app):
    ended = subprocess.run(
        [sys.executable, "-m", app, "--port", "0"],
        env={**current_environment(), "SHOP_PRICES": "laptop=free"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "SHOP_PRICES has 'laptop=free': write sku=cents" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_token_grows_with_the_cart_until_a_limit_bites(run):
    _, seen = run("size")
    token = seen["token"]
    assert token["bytes_full"] - token["bytes_empty"] > 200
    assert token["bytes_with_random_address"] > token["bytes_full"] + 500
    assert seen["memory"]["bytes_full"] - seen["memory"]["bytes_empty"] < 5
    for variant in seen.values():
        assert (variant["nginx_takes_bytes"], variant["nginx_status"]) == (8_175, 400)
        assert variant["waitress_status"] == 431
        assert 255_000 < variant["waitress_takes_bytes"] < 263_000
    points = token["bytes per request"]["points"]
    assert points == sorted(points)
    assert len(points) == 11


def test_token_is_read_but_not_changed(run):
    _, seen = run("readable")
    assert seen["token"]["facts_read"] == seen["token"]["facts_tried"] == 4
    assert seen["memory"]["facts_read"] == 0
    assert seen["token"]["rewritten_tried"] == 4
    assert seen["token"]["rewritten_accepted_when_signed"] == 4
    assert seen["memory"]["rewritten_tried"] == 0
    for variant in seen.values():
        assert variant["tampered_refused"] == variant["changes_tried"] > 20
        assert variant["rewritten_refused"] == variant["rewritten_tried"]
        assert variant["forged_without_key_status"] == 401
    assert seen["token"]["forged_with_key_status"] == 200
    assert seen["memory"]["forged_with_key_status"] == 401


def test_servers_that_disagree_on_the_key_refuse_each_other(run):
    _, seen = run("key-rotation")
    refused = {step: seen["token"][f"refused_{step}"] for step in ("odd", "careful", "hasty")}
    assert refused == {"odd": 4, "careful": 0, "hasty": 2}
    assert seen["token"]["refused_everywhere"] == seen["token"]["refused_agreed"] == 0
    assert all(not seen["file"][f"refused_{step}"] for step in refused)


def test_token_in_the_url_is_left_behind(run, tmp_path):
    _, seen = run("url-token")
    token = seen["token"]
    assert token["url_in_log"] == token["url_in_history"] == token["requests_with_url"] == 3
    assert token["url_in_referer"] == 1
    assert token["header_in_log"] == token["header_in_history"] == 0
    assert seen["memory"]["url_in_log"] == 0
    log = (tmp_path / "run" / "url-token" / "logs" / "combined.log").read_text(encoding="utf-8")
    assert "token=" not in log  # a request without one may follow the log's being emptied
