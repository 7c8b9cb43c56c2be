"""Both desks as containers: documents for Docker Compose and Kubernetes, as text.

Pure functions of a few settings. nginx.conf and the servers' environment come from the code
of the lab's own: `nginx_conf` and `desks`.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from lab.core.errors import LabError
from lab.core.shell import quoted
from lab.shop.desks import DESKS, Desk
from lab.stack.nginx_conf import CONFIG_PATH, NginxConfig, Place, PoolConfig, render
from lab.stack.pool_spec import LETTERS, Affinity, PoolSpec, Retry
from lab.stack.server import SIGNING_KEYS, desk_env
from lab.stack.shipped import COMPOSE, PORT, SPARE_SERVERS, STORE_SERVICE

NGINX = (1, 31, 3)  # the release that this configuration was run with
VALKEY = "8.1"
STORE_COMMAND = ("valkey-server", "--save", "", "--appendonly", "no", "--protected-mode", "no")
STORE_PORT = 6379
STORE_URL = f"redis://{STORE_SERVICE}:{STORE_PORT}/0"
NETWORK_PREFIX = "10.5.7"
FIRST_HOST = {"stateful": 11, "stateless": 51}
STORE_HOST = f"{NETWORK_PREFIX}.101"
FROM_SHELL = ("SHOP_PRICES", "TOKEN_MAX_AGE_S")
"""Settings of a desk that it gets only if the shell has them."""
# Not a secret but where to find it. Compose refuses to start where it is unset or empty.
KEY_FROM_SHELL = (
    f"${{{SIGNING_KEYS}:?make a key with python3 -c 'import secrets; "
    "print(secrets.token_urlsafe(32))' and export it under this name}"
)
CONTAINER = Place(
    about="# nginx.conf of a deployment, written by the lab. Paths are relative to /tmp (-p).",
    daemon="the container lives as long as nginx",
    log_says="on standard output, as JSON",
    access_log="/dev/stdout",
    error_log="stderr",
    tmp="",
    listen="",
)
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:-]{0,200}:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class ContainerServer:
    """One server: the service that is its address, and the name by which it answers."""

    service: str
    name: str
    host: str

    @property
    def address(self) -> str:
        """Where nginx finds it, "HOST:PORT"."""
        return f"{self.host}:{PORT}"

    @property
    def mac(self) -> str:
        """Its address on the bridge, made from its IPv4 address.

        With a random one, podman's bridge finds a returned container only after 41 s.
        """
        return ":".join(f"{int(part):02x}" for part in ("2", "0", *self.host.split(".")))


def _image_of_this_version() -> str:
    return f"two-desks:{version('two-desks')}"


@dataclass(frozen=True)
class ContainerFiles:
    """The deployment to write. Raises LabError if a setting is not possible, as `PoolSpec` does."""

    servers: int = 3
    store: Literal["memory", "redis"] = "redis"
    affinity: Affinity = "none"
    retry: Retry = "off"
    image: str = field(default_factory=_image_of_this_version)
    """Image of the desks, "NAME:TAG"."""

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image) or self.image.endswith(":latest"):
            raise LabError(
                f"image {self.image!r}: use NAME:TAG, such as {_image_of_this_version()}"
            )
        if self.store not in ("memory", "redis"):
            raise LabError("store: memory or redis")  # not quoted: a URL may hold a password
        for desk in DESKS:
            self._spec(desk)

    def compose(self) -> str:
        """Return the text of compose.yaml, where server A is stateful-a.

        The servers' addresses are fixed: nginx looks a name up only once, when it starts, and
        a container that was killed may come back elsewhere.
        """
        return self._document("compose.yaml", self._containers())

    def run_line(self) -> str:
        """Return the command that runs the crash against what `compose` writes, line by line."""
        addresses = [each.address for all_of in self._containers().values() for each in all_of]
        has_store = self.store == "redis"
        store = f"redis://{STORE_HOST}:{STORE_PORT}/0" if has_store else "memory"
        commands = [
            *COMPOSE.server.items(),
            *((f"store-{fault}", each) for fault, each in COMPOSE.store.items() if has_store),
        ]
        lines = [
            f"lab run crash --store {store}",
            *(f"--upstream http://{address}" for address in addresses[: self.servers]),
            *(f"--upstream http://{a}" for a in addresses[self._all : self._all + self.servers]),
            *(f"--{fault}-command {quoted(command)}" for fault, command in commands),
        ]
        return " \\\n    ".join(lines)

    def kubernetes(self) -> str:
        """Return the text of kubernetes.yaml, where a server has its pod's name: stateful-0.

        Each has a Service of its own: an address that stays when the pod is made anew.
        """
        names = {desk: [f"{desk}-{place}" for place in range(self._all)] for desk in DESKS}
        servers = {
            desk: [ContainerServer(name, name, name) for name in names[desk]] for desk in DESKS
        }
        return self._document("kubernetes.yaml", servers)

    @property
    def _all(self) -> int:
        """Servers of a desk, the spare ones among them."""
        return min(self.servers + SPARE_SERVERS, len(LETTERS))

    def _containers(self) -> dict[Desk, list[ContainerServer]]:
        return {
            desk: [
                ContainerServer(
                    f"{desk}-{name.lower()}", name, f"{NETWORK_PREFIX}.{FIRST_HOST[desk] + place}"
                )
                for place, name in enumerate(LETTERS[: self._all])
            ]
            for desk in DESKS
        }

    def _document(self, template: str, containers: dict[Desk, list[ContainerServer]]) -> str:
        servers = {desk: each[: self.servers] for desk, each in containers.items()}
        nginx_conf = self._nginx_conf(servers).rstrip()
        facts = {
            "deployment": self,
            "options": self._options(),
            "desks": servers,
            "spares": {desk: each[self.servers :] for desk, each in containers.items()},
            "builds": servers["stateful"][0].service,
            "from_shell": FROM_SHELL,
            "store": ContainerServer(STORE_SERVICE, STORE_SERVICE, STORE_HOST),
            "env": {desk: self._spec(desk).env for desk in DESKS},
            "command": {desk: _command(desk) for desk in DESKS},
            "store_command": STORE_COMMAND,
            "config_path": CONFIG_PATH,
            "port": PORT,
            "network": NETWORK_PREFIX,
            "nginx": ".".join(map(str, NGINX)),
            "nginx_conf": nginx_conf,
            "nginx_conf_hash": hashlib.sha256(nginx_conf.encode()).hexdigest()[:16],
            "signing_keys": SIGNING_KEYS,
            "valkey": VALKEY,
        }
        return _templates().get_template(template).render(facts)

    def _options(self) -> str:
        """Name the settings that are not the default, as they are typed."""
        mine, default = vars(self), vars(ContainerFiles())
        return "".join(f" --{name} {mine[name]}" for name in mine if mine[name] != default[name])

    def _spec(self, desk: Desk) -> PoolSpec:
        store = STORE_URL if self.store == "redis" and desk == "stateful" else "memory"
        env = desk_env(desk, store, f"two-desks:{desk}:", KEY_FROM_SHELL)
        return PoolSpec(desk, f"{desk}_app", self.servers, self.affinity, self.retry, env)

    def _nginx_conf(self, servers: dict[Desk, list[ContainerServer]]) -> str:
        addresses = {desk: {each.name: each.address for each in servers[desk]} for desk in DESKS}
        pools = tuple(
            PoolConfig(self._spec(desk), self.affinity, self.retry, addresses[desk])
            for desk in DESKS
        )
        return render(NginxConfig(PORT, pools, 0, "", "deployed", NGINX, place=CONTAINER))


def _command(desk: Desk) -> list[str]:
    return ["python", "-m", f"{desk}_app", "--host", "0.0.0.0", "--port", str(PORT)]


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("lab.stack"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # this is YAML; what comes from outside has been checked
    )
    environment.filters["quoted"] = json.dumps  # JSON is YAML too
    return environment
