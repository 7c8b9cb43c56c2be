"""kubernetes.yaml in a real cluster, unchanged: every pod is ready, the suite runs against it.

Only in a cluster that may be used for it: TWO_DESKS_KUBERNETES=1 says that kubectl's is one, and
that this machine reaches its Services. The image two-desks:VERSION has to be there already.
"""

import json
import os
import secrets
import subprocess

import pytest

from engine.deployed import ROOT, check_crash, check_suite, lab, no_engine, note_seconds, said

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
KUBECTL = ("kubectl", "-n", "two-desks")
PODS = 8
# There is no way to freeze a process in a pod from outside.
CANNOT_BE_DONE_THERE = ("store-outage",)


@pytest.fixture(scope="module")
def cluster():
    """The shipped file, applied; its namespace is deleted afterwards."""
    if os.environ.get("TWO_DESKS_KUBERNETES") != "1":
        no_engine("no cluster may be used here: TWO_DESKS_KUBERNETES=1 says that kubectl's may")
    said("kubectl", "create", "namespace", "two-desks")
    try:
        key = secrets.token_urlsafe(32)
        subprocess.run(
            [*KUBECTL, "create", "secret", "generic", "signing-keys",
             "--from-file=STATELESS_SIGNING_KEYS=/dev/stdin"],
            input=key, text=True, check=True, timeout=60, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        said("kubectl", "apply", "-f", "kubernetes.yaml")
        for kind in ("deployment/nginx", "deployment/valkey"):
            said(*KUBECTL, "rollout", "status", kind, "--timeout=300s")
        said(*KUBECTL, "wait", "--for=condition=ready", "pod", "--all", "--timeout=300s")
        yield key
    finally:
        said("kubectl", "delete", "namespace", "two-desks", "--timeout=300s")


def pods():
    """Names of the pods that are ready, and are not being ended."""
    found = json.loads(said(*KUBECTL, "get", "pods", "-o", "json"))["items"]
    return {
        each["metadata"]["name"]
        for each in found
        if "deletionTimestamp" not in each["metadata"]
        and any(
            c["type"] == "Ready" and c["status"] == "True" for c in each["status"]["conditions"]
        )
    }


def test_every_pod_of_the_shipped_file_is_ready(cluster):
    assert len(pods()) == PODS


def test_forced_deletion_is_a_death_once_the_instance_is_gone(cluster, tmp_path):
    (crash,) = lab(tmp_path, "run", "crash", "--quick", "--on", "kubernetes")
    check_crash(crash)


def test_whole_suite_runs_against_it(cluster, tmp_path, record_property):
    suite = lab(tmp_path, "run", "--all", "--on", "kubernetes")
    note_seconds(suite, record_property)
    check_suite(suite, CANNOT_BE_DONE_THERE)


def test_changed_settings_start_nginx_anew(cluster, tmp_path):
    def nginx():
        return {name for name in pods() if name.startswith("nginx-")}

    before = nginx()
    file = tmp_path / "other.yaml"
    said("sh", "-c", f"lab deploy kubernetes --retry on --out '{file}'")
    said("kubectl", "apply", "-f", str(file))
    said(*KUBECTL, "rollout", "status", "deployment/nginx", "--timeout=300s")
    after = nginx()
    assert len(after) == 1 and not after & before
    said("kubectl", "apply", "-f", str(ROOT / "kubernetes.yaml"))
    said(*KUBECTL, "rollout", "status", "deployment/nginx", "--timeout=300s")
