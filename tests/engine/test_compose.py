"""compose.yaml on a real engine, unchanged: it comes up, the whole suite runs against it."""

import json
import os
import secrets
import shlex

import pytest

from engine.deployed import (
    ROOT,
    check_crash,
    check_suite,
    lab,
    no_engine,
    note_seconds,
    said,
    works,
)

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
SERVICES = {
    *("nginx", "valkey"),
    *(f"{desk}-{letter}" for desk in ("stateful", "stateless") for letter in "abc"),
}
MOST_MB_OVER_BASE = 60


@pytest.fixture(scope="module")
def deployment():
    """The shipped file, up; its environment."""
    if not works("docker", "compose", "version") or not works("docker", "info"):
        no_engine("there is no container engine here: Docker with Compose 2 is needed")
    env = {"STATELESS_SIGNING_KEYS": secrets.token_urlsafe(32)}
    if said("docker", "compose", "ps", "-q", env=env).strip():
        no_engine("a deployment of compose.yaml runs here already: `docker compose down` ends it")
    os.environ.update(env)  # for `docker compose`; the lab gets an environment without it
    try:
        said("docker", "compose", "up", "-d", "--build", "--wait")
        yield env
    finally:
        said("docker", "compose", "--profile", "spare", "down", "--timeout", "1")
        del os.environ["STATELESS_SIGNING_KEYS"]


def containers():
    """What runs: the engine's own account of each container, by service."""
    ids = said("docker", "compose", "ps", "-q").split()
    found = json.loads(said("docker", "inspect", *ids))
    return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}


def test_shipped_file_comes_up_whole_from_one_small_image(deployment, record_property):
    running = containers()
    assert set(running) == SERVICES
    desks = [each for name, each in running.items() if name.startswith("state")]
    assert {each["State"]["Health"]["Status"] for each in desks} == {"healthy"}
    assert len({each["Image"] for each in desks}) == 1
    (base,) = [
        line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("FROM ")
    ]  # fmt: skip
    named = desks[0]["Config"]["Image"]
    sizes = [each["Size"] / 1e6 for each in json.loads(said("docker", "inspect", named, base))]
    record_property("MB over the base", round(sizes[0] - sizes[1], 1))
    print(f"\n{named}: {sizes[0]:.1f} MB, {sizes[0] - sizes[1]:.1f} MB over {base}")
    assert sizes[0] - sizes[1] <= MOST_MB_OVER_BASE


def test_server_is_killed_through_the_engine(deployment, tmp_path):
    (crash,) = lab(tmp_path, "run", "crash", "--quick", "--on", "compose")
    check_crash(crash)
    assert set(containers()) == SERVICES, "each is back"


def test_line_that_deploy_prints_runs_as_it_is_printed(deployment, tmp_path):
    file = tmp_path / "compose.yaml"
    printed = said("sh", "-c", f"lab deploy compose --out {shlex.quote(str(file))} 2>&1")
    words = shlex.split(printed.partition("stands for:\n")[2].replace("\\\n", " "))
    assert words[:2] == ["lab", "run"]
    (crash,) = lab(tmp_path, *words[1:], "--quick", with_key=True)
    check_crash(crash)


def test_whole_suite_decides_every_claim_and_leaves_the_deployment_as_it_was(
    deployment, tmp_path, record_property
):
    suite = lab(tmp_path, "run", "--all", "--on", "compose")
    note_seconds(suite, record_property)
    check_suite(suite)
    running = containers()
    assert set(running) == SERVICES, "no spare server is left, and each other one is back"
    for name, each in running.items():
        env = dict(line.partition("=")[::2] for line in each["Config"]["Env"])
        if name.startswith("stateless-"):
            assert env["STATELESS_SIGNING_KEYS"] == deployment["STATELESS_SIGNING_KEYS"]
        assert not env.get("SHOP_PRICES")
