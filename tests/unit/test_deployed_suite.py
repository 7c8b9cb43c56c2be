"""The suite against a deployment: which variants it has, and what one missing server costs it."""

from dataclasses import replace

import pytest

from lab.core.errors import LabError
from lab.evidence.result import Settings, Variant, Verdict
from lab.experiments import find
from lab.experiments import runner as runner_module
from lab.experiments.matrix import MEMORY, TOKEN
from lab.experiments.provision import ProvisionedStack, balanced, deployed
from lab.experiments.runner import Run
from lab.stack.deployment import Deployment, ExternalServerSpec

SERVERS = {
    desk: tuple(
        ExternalServerSpec("h", "192.0.2.1", 8000 + number, desk, name, "life")
        for number, name in enumerate("ABC")
    )
    for desk in ("stateful", "stateless")
}
THERE = Deployment(SERVERS)


class NotThere:
    """An opening that fails, as where a server of the deployment does not answer."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        raise LabError("stateful/A (192.0.2.1:8000) does not answer: restart or resume it")

    def __exit__(self, *_):
        pass

    def close(self):
        pass


def ran(tmp_path, monkeypatch, deployment):
    monkeypatch.setattr(runner_module, "BackgroundStart", NotThere)
    run = Run(tmp_path, deployment=deployment)
    variants = deployed(Settings(store="memory"), THERE)
    return [run.perform(find(name), variants) for name in ("crash", "any-server")]


def test_server_that_does_not_come_back_ends_one_experiment_and_not_the_next(tmp_path, monkeypatch):
    first, second = ran(tmp_path, monkeypatch, THERE)
    for result in (first, second):
        assert result.verdict is Verdict.UNKNOWN
        troubles = {variant.trouble for variant in result.variants}
        (trouble,) = troubles
        assert trouble.startswith("not run: stateful/A (192.0.2.1:8000) does not answer")


def test_stack_of_the_labs_own_that_does_not_start_ends_the_run(tmp_path, monkeypatch):
    with pytest.raises(LabError, match="does not answer"):
        ran(tmp_path, monkeypatch, Deployment())


def test_deployment_has_the_directives_that_an_experiment_gives_the_balancer():
    variants = deployed(Settings(store="redis"), THERE, find("caching").variants)
    names = [each.name for each in variants]
    assert names == ["stateful", "stateful-naive", "stateless", "stateless-naive"]
    for each, declared in zip(variants, find("caching").variants, strict=True):
        assert each.directives == declared.directives
        assert each.http_directives == declared.http_directives
        assert (each.app, each.settings.servers, len(each.server_urls)) == (declared.app, 3, 3)


def test_variant_of_the_labs_own_servers_only_is_left_out_of_a_deployment():
    declared = (
        replace(TOKEN, module="lab.variants.denylist", directives=("proxy_cache x",)),
        replace(MEMORY, env={"TOKEN_MAX_AGE_S": "1"}, http_directives=("access_log x",)),
    )
    plain = (Variant("stateful", "stateful"), Variant("stateless", "stateless"))
    assert tuple(balanced(plain, declared)) == plain
    assert deployed(Settings(), THERE, declared) == deployed(Settings(), THERE)


def test_key_of_a_deployment_is_the_one_that_was_given_and_no_other(tmp_path):
    given = ProvisionedStack(tmp_path, deployment=replace(THERE, signing_keys="old,new"))
    assert given._fill("{key}") == "old,new"
    unknown = ProvisionedStack(tmp_path, deployment=THERE)
    assert unknown._fill("{other_key}") and unknown._fill("SHOP_PRICES=1") == "SHOP_PRICES=1"
    with pytest.raises(LabError, match="--signing-keys FILE"):
        unknown._fill("{key}")
