"""Both desks as containers: documents for Docker Compose and Kubernetes, as text.

Pure functions of a few settings. nginx.conf and the servers' environment come from the code
that the lab's own come from: `nginx_conf` and `desks`.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from lab.errors import LabError
from lab.stack.desks import SIGNING_KEYS, Desk, desk_env
from lab.stack.nginx_conf import CONFIG_PATH, Config, LaneConfig, Place, render
from lab.stack.spec import LETTERS, Affinity, LaneSpec, Retry

DESKS: tuple[Desk, ...] = ("stateful", "stateless")
PORT = 8000
NGINX = (1, 31, 3)  # the release that this configuration was run with
VALKEY = "8.1"
STORE_COMMAND = ("valkey-server", "--save", "", "--appendonly", "no", "--protected-mode", "no")
NETWORK = "10.5.7"
FIRST_HOST = {"stateful": 11, "stateless": 51}
# Not a secret but where to find it. Compose refuses to start where it is unset or empty.
KEY_FROM_SHELL = (
    f"${{{SIGNING_KEYS}:?make a key with python3 -c 'import secrets; "
    "print(secrets.token_urlsafe(32))' and export it under this name}"
)
CONTAINER = Place(
    about="# nginx.conf of a deployment, written by the lab. Paths are relative to /tmp (-p).",
    daemon="the container lives as long as nginx",
    told="on standard output, as JSON",
    access_log="/dev/stdout",
    error_log="stderr",
    tmp="",
    listen="",
)
_IMAGE = re.compile(r"(?=.{1,255}\Z)[a-z0-9][a-z0-9._/:-]*[a-z0-9](:[A-Za-z0-9_][\w.-]{0,127})?")


@dataclass(frozen=True)
class Server:
    """One server: the service that is its address, and the name by which it answers."""

    service: str
    name: str
    host: str

    @property
    def address(self) -> str:
        """Where nginx finds it, "HOST:PORT"."""
        return f"{self.host}:{PORT}"


@dataclass(frozen=True)
class Deployment:
    """What is to be deployed. Raises LabError where a setting cannot be, as `LaneSpec` does."""

    image: str
    """Image of the desks, "NAME:TAG"."""
    servers: int = 3
    store: Literal["memory", "redis"] = "redis"
    affinity: Affinity = "none"
    retry: Retry = "off"

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image) or self.image.endswith(":latest"):
            raise LabError(f"image {self.image!r}: use NAME:TAG, such as two-desks:0.1.0")
        if self.store not in ("memory", "redis"):
            raise LabError(f"store {self.store!r}: memory or redis")
        for desk in DESKS:
            self._spec(desk)

    def compose(self) -> str:
        """Return the text of compose.yaml: servers A, B, C as stateful-a, stateful-b, …

        Their addresses are fixed: nginx looks a name up only once, when it starts, and a
        container that was killed may come back elsewhere.
        """
        servers = {
            desk: [
                Server(f"{desk}-{name.lower()}", name, f"{NETWORK}.{FIRST_HOST[desk] + place}")
                for place, name in enumerate(LETTERS[: self.servers])
            ]
            for desk in DESKS
        }
        return self._document("compose.yaml", servers)

    def kubernetes(self) -> str:
        """Return the text of kubernetes.yaml: the pods stateful-0, stateful-1, …

        Each has a Service of its own: an address that stays when the pod is made anew.
        """
        names = {desk: [f"{desk}-{place}" for place in range(self.servers)] for desk in DESKS}
        servers = {desk: [Server(name, name, name) for name in names[desk]] for desk in DESKS}
        return self._document("kubernetes.yaml", servers)

    def _document(self, template: str, servers: dict[Desk, list[Server]]) -> str:
        return _templates().get_template(template).render(
            deployment=self,
            options=self._options(),
            desks=servers,
            env={desk: self._env(desk) for desk in DESKS},
            command={desk: _command(desk) for desk in DESKS},
            store_command=STORE_COMMAND,
            config_path=CONFIG_PATH,
            port=PORT,
            network=NETWORK,
            nginx=".".join(map(str, NGINX)),
            nginx_conf=self._nginx_conf(servers).rstrip(),
            signing_keys=SIGNING_KEYS,
            key_from_shell=KEY_FROM_SHELL,
            valkey=VALKEY,
        )

    def _options(self) -> str:
        """Name the settings that are not the default, as they are typed."""
        defaults = Deployment(self.image)
        names = ("servers", "store", "affinity", "retry")
        turned = {n: getattr(self, n) for n in names if getattr(self, n) != getattr(defaults, n)}
        return "".join(f" --{name} {value}" for name, value in turned.items())

    def _spec(self, desk: Desk) -> LaneSpec:
        return LaneSpec(desk, f"{desk}_app", self.servers, self.affinity, self.retry)

    def _env(self, desk: Desk) -> dict[str, str]:
        store = "redis://valkey:6379/0" if self.store == "redis" and desk == "stateful" else "memory"
        return desk_env(desk, store, f"two-desks:{desk}:", KEY_FROM_SHELL)

    def _nginx_conf(self, servers: dict[Desk, list[Server]]) -> str:
        lanes = tuple(
            LaneConfig(
                self._spec(desk),
                self.affinity,
                self.retry,
                {server.name: server.address for server in servers[desk]},
            )
            for desk in DESKS
        )
        return render(Config(PORT, lanes, 0, "", "deployed", NGINX, place=CONTAINER))


def _command(desk: Desk) -> list[str]:
    return ["python", "-m", f"{desk}_app", "--host", "0.0.0.0", "--port", str(PORT)]


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("lab.stack"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML; every value from outside has been checked
    )
    environment.filters["quoted"] = _quoted
    return environment


def _quoted(value: Any) -> str:
    """Write a value as JSON, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)
