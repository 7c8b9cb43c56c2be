"""The deployments that come with the lab: where their servers are, and how each fault is made.

What `lab deploy` writes is found again here, by `docker compose` or `kubectl`: addresses,
store and signing keys of what runs, so that none of them has to be typed.
"""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lab.core.environment import current_environment
from lab.core.errors import LabError, reason
from lab.shop.desks import DESKS
from lab.stack.server import SIGNING_KEYS

PORT = 8000
NAMESPACE = "two-desks"
STORE_SERVICE = "valkey"
SPARE_SERVERS = 3
"""Servers beyond those of the balancer that the documents can start: for `lab run scale-out`."""
ENGINE_TIMEOUT_S = 60.0
_COMPOSE_SERVICE = "{desk}-{name_lower}"
_KUBECTL = f"kubectl -n {NAMESPACE}"
_FORCED = f"{_KUBECTL} delete --grace-period=0 --force --wait=false"
_IS_READY = (
    f"until {_KUBECTL} wait --for=condition=ready pod/{{name}} --timeout=50s; do sleep 1; done"
)


@dataclass(frozen=True)
class FaultCommands:
    """Commands for each fault of a server, and of the store."""

    server: Mapping[str, str]
    store: Mapping[str, str]


COMPOSE = FaultCommands(
    {
        "kill": f"docker compose kill {_COMPOSE_SERVICE}",
        "restart": f"docker compose up -d --no-deps {_COMPOSE_SERVICE}",
        "restart-env": f"docker compose up -d --no-deps {_COMPOSE_SERVICE}",
        "pause": f"docker compose pause {_COMPOSE_SERVICE}",
        "resume": f"docker compose unpause {_COMPOSE_SERVICE}",
        "add": f"sh -c 'docker compose up -d --no-deps --wait {_COMPOSE_SERVICE} && "
        'docker inspect -f "{{range .NetworkSettings.Networks}}http://{{.IPAddress}}:'
        f"{PORT}{{{{end}}}}\" $(docker compose ps -q {_COMPOSE_SERVICE})'",
        "drain": f"docker compose rm --stop --force {_COMPOSE_SERVICE}",
        "look": f"docker compose exec -T {_COMPOSE_SERVICE} cat /proc/1/status /proc/1/io",
    },
    {
        "kill": f"docker compose kill {STORE_SERVICE}",
        "restart": f"docker compose start {STORE_SERVICE}",
        "pause": f"docker compose pause {STORE_SERVICE}",
        "resume": f"docker compose unpause {STORE_SERVICE}",
    },
)
KUBERNETES = FaultCommands(
    {
        # Forced, as a crash is. The pod's name is free at once, the process ends a little later.
        "kill": f"{_FORCED} pod {{name}}",
        "restart": f"sh -c '{_IS_READY}'",  # Kubernetes makes the pod anew by itself
        # A template that is changed is for pods made from now on (updateStrategy OnDelete).
        "restart-env": f"sh -c 'set -e; if [ {{desk}} = stateless ]; then {_KUBECTL} set env "
        "--from=secret/signing-keys statefulset/{desk}; fi; "
        f"{_KUBECTL} set env statefulset/{{desk}} SHOP_PRICES- TOKEN_MAX_AGE_S- DESK_VERSION-; "
        f"if [ -s {{env_file}} ]; then {_KUBECTL} set env -e - statefulset/{{desk}} <{{env_file}}; "
        f"fi; {_FORCED} pod {{name}}; {_IS_READY}'",
        "add": f"sh -c 'set -e; n={{name}}; {_KUBECTL} scale statefulset/{{desk}} "
        f"--replicas=$((${{n##*-}} + 1)); {_IS_READY}; "
        f"{_KUBECTL} get service {{name}} -o jsonpath=http://{{.spec.clusterIP}}:{PORT}'",
        "drain": f"sh -c 'n={{name}}; {_KUBECTL} scale statefulset/{{desk}} --replicas=${{n##*-}}'",
        "look": f"{_KUBECTL} exec {{name}} -- cat /proc/1/status /proc/1/io",
    },
    {
        # Without a replica, or Kubernetes would have another store there at once.
        "kill": f"sh -c '{_KUBECTL} scale deployment/{STORE_SERVICE} --replicas=0 && "
        f"{_FORCED} pod -l app={STORE_SERVICE}'",
        "restart": f"sh -c '{_KUBECTL} scale deployment/{STORE_SERVICE} --replicas=1 && "
        f"{_KUBECTL} rollout status deployment/{STORE_SERVICE}'",
    },
)


@dataclass(frozen=True)
class Shipped:
    """A deployment that was found: what `lab.stack.deployment.find` wants to know of it."""

    urls: tuple[str, ...]
    store: str
    """"memory", or the store's URL as it is reached from here."""
    signing_keys: str = field(repr=False)
    commands: FaultCommands


def on_compose() -> Shipped:
    """Find the containers of this folder's compose.yaml; LabError if none run.

    The file is chosen as `docker compose` does: COMPOSE_FILE names another one.
    """
    # To be allowed to ask, Compose wants a key; the true one is in the containers.
    asking = {SIGNING_KEYS: os.environ.get(SIGNING_KEYS) or "not needed to list containers"}
    ids = _said(["docker", "compose", "ps", "-q"], asking).split()
    found = {}
    for each in json.loads(_said(["docker", "inspect", *ids])) if ids else []:
        service = each["Config"]["Labels"].get("com.docker.compose.service", "")
        networks = each["NetworkSettings"]["Networks"].values()
        address = next((net["IPAddress"] for net in networks if net["IPAddress"]), "")
        found[service] = (address, _variables(each["Config"]["Env"]))
    addresses = {name: address for name, (address, _) in sorted(found.items()) if address}
    envs = {name: env for name, (_, env) in found.items()}
    return _shipped(addresses, envs, COMPOSE, "docker compose up --build --wait")


def on_kubernetes() -> Shipped:
    """Find the Services of kubernetes.yaml that have a pod; LabError if there is none."""
    ask = ["kubectl", "-n", NAMESPACE, "get", "-o", "json"]
    things = json.loads(_said([*ask, "services,statefulsets,pods"]))["items"]
    named = {(each["kind"], each["metadata"]["name"]): each for each in things}
    addresses = {
        name: each["spec"]["clusterIP"]
        for (kind, name), each in sorted(named.items())
        if kind == "Service" and (("Pod", name) in named or name == STORE_SERVICE)
    }
    envs = {
        name: _plain_variables(each)
        for (kind, name), each in named.items()
        if kind == "StatefulSet"
    }
    if addresses:
        secret = json.loads(_said([*ask, "secret", "signing-keys"]))["data"][SIGNING_KEYS]
        envs.setdefault("stateless", {})[SIGNING_KEYS] = base64.b64decode(secret).decode().strip()
    return _shipped(addresses, envs, KUBERNETES, "kubectl apply -f kubernetes.yaml")


PLACES: Mapping[str, Callable[[], Shipped]] = {"compose": on_compose, "kubernetes": on_kubernetes}
"""What `--on` takes."""


def _variables(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, _, value in pairs}


def _plain_variables(stateful_set: Any) -> dict[str, str]:
    (container,) = stateful_set["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def _shipped(
    addresses: Mapping[str, str],
    envs: Mapping[str, Mapping[str, str]],
    commands: FaultCommands,
    start: str,
) -> Shipped:
    """Make sense of addresses and environments by service: "stateful-a", "valkey"."""
    urls = tuple(
        f"http://{address}:{PORT}"
        for name, address in addresses.items()
        if name.startswith(tuple(f"{desk}-" for desk in DESKS))
    )
    if not urls:
        raise LabError(f"no server of the deployment runs: start it with `{start}`")

    def variable(desk: str, name: str) -> str:
        return next((env.get(name, "") for of, env in envs.items() if of.startswith(desk)), "")

    store = variable("stateful", "STATEFUL_STORE") or "memory"
    if "://" in store:
        inside = urlsplit(store).hostname or ""
        store = store.replace(f"//{inside}", f"//{addresses.get(inside, inside)}", 1)
    return Shipped(urls, store, variable("stateless", SIGNING_KEYS), commands)


def _said(words: Sequence[str], env: Mapping[str, str] = {}) -> str:
    """Return what a command of the engine prints; LabError with its own words where it fails."""
    shown = " ".join(words[:3])
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=ENGINE_TIMEOUT_S,
            env={**current_environment(), **env},
        )
    except OSError as error:
        raise LabError(
            f"`{shown}` cannot be run: {reason(error)}; install it, or name the servers one by "
            "one with --upstream"
        ) from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`{shown}` did not answer within {ENGINE_TIMEOUT_S:.0f} s") from None
    if done.returncode:
        raise LabError(f"`{shown}` failed: {done.stderr.strip() or f'exit {done.returncode}'}")
    return done.stdout
