"""The lab against a store that is deployed already: a cluster, and a primary behind sentinels."""

import json

import pytest
from conftest import wait_for
from deployments import IN_A_URL, PASSWORD, running_cluster, running_sentinels

from lab.core.errors import LabError
from lab.stack.session_store import ExternalStore
from lab.stack.store_client import connect, keys_under

KINDS = {"cluster": running_cluster, "sentinel": running_sentinels}
KEYS = [f"ours:{number}" for number in range(50)]  # enough for every node of a cluster


@pytest.fixture(scope="module", params=KINDS)
def deployed(request, tmp_path_factory):
    with KINDS[request.param](tmp_path_factory.mktemp(request.param), wait_for) as running:
        yield running


def test_crash_is_run_on_it_and_leaves_no_password(deployed, lab_here):
    ended = lab_here(
        *("run", "crash", "--quick", "--servers", "2", "--json", "--store", deployed.url)
    )
    (experiment,) = json.loads(ended.out)["experiments"]
    assert ended.status == 0, ended
    for variant in experiment["variants"]:
        measured = variant["measurements"]
        assert measured["kill_confirmed"] is True
        assert measured["carts_kept"] == measured["carts_acknowledged"] > 0
    shown = experiment["variants"][0]["knobs"]["store"]
    assert shown == deployed.url.replace(f":{IN_A_URL}@", "").removesuffix("/0")
    for secret in (PASSWORD, IN_A_URL):
        assert secret not in ended.out + ended.err
        for file in lab_here.runs.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_store_keys_are_counted_and_removed_on_every_server(deployed):
    with ExternalStore(deployed.url) as store, connect(store.url) as client:
        for key in [*KEYS, "theirs"]:
            client.set(key, "x")
        try:
            assert store.stats("ours:").keys == len(keys_under(client, "ours:")) == len(KEYS)
            assert store.stats().keys == sum(server.keys() for server in deployed.servers)
            assert store.description().version.count(".") == 2
            assert store.forget("ours:") == len(KEYS)
            assert store.stats("ours:").keys == 0
            assert client.get("theirs") == "x"
        finally:
            client.delete("theirs")


def test_operations_are_commands_about_keys_only(deployed):
    with ExternalStore(deployed.url) as store:
        before = store.stats()
        with connect(store.url) as client:  # greets every server that it talks to
            for key in KEYS:
                client.get(key)
        after = store.stats()
    assert after.operations - before.operations == len(KEYS)
    assert after.commands_processed - before.commands_processed > len(KEYS)


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://:s3cret@127.0.0.1:1,127.0.0.1:2",
        "redis+sentinel://:s3cret@127.0.0.1:1,127.0.0.1:2/desk?sentinel_password=s3cret",
    ],
)
def test_missing_store_is_reported(url):
    with pytest.raises(LabError, match="no answer from redis") as refused, ExternalStore(url):
        pass
    assert "s3cret" not in str(refused.value)
