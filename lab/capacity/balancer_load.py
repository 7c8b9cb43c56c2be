"""Measures what a request costs nginx at a steady half of its saturation.

One server of a desk cannot load nginx. So a second nginx answers in the servers' place, with
files of the same size: what is measured is the lab's own configuration, as it is in a run.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from lab.capacity.constants import Constant
from lab.capacity.effort import LOAD_SHARE, Effort
from lab.capacity.meters import cpu_s, with_children
from lab.capacity.steady_load import LoadCustomer, Request, run_load
from lab.evidence.exchange import Exchange
from lab.processes.spawn import Children
from lab.stack import nginx_conf
from lab.stack.access_log import AccessLog
from lab.stack.balancer import Balancer
from lab.stack.pool_spec import Affinity, PoolSpec
from lab.stack.programs import Program

NGINX_CONNECTIONS = 16
POOL = "desk"
HEAD_BYTES = 220  # about what the head of the static server's answer has
STATIC_CONF = """\
daemon off; master_process on; worker_processes 1; pid static.pid; error_log logs/nginx.log emerg;
{user}events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000; default_type application/json;
    client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi; scgi_temp_path tmp/scgi;
    server {{
        listen 127.0.0.1:{port};
        location = {config_path} {{ return 200 "{version}"; }}
        location / {{ root answers; error_page 405 =200 $uri; add_header X-Served-By A; }}
    }}
}}
"""


@dataclass(frozen=True)
class Sample:
    """A sample of one kind of request, and the size of its answer."""

    kind: str
    lines: int
    exchange: Exchange

    @property
    def file(self) -> str:
        """The name of a file of that size."""
        return f"{max(0, self.exchange.bytes_received - HEAD_BYTES)}.json"


def balancer_costs(
    program: Program, folder: Path, samples: Sequence[Sample], affinity: Affinity, effort: Effort
) -> list[Constant]:
    """Return what each kind of request costs nginx, in µs of processor time."""
    with ExitStack() as resources:
        children = resources.enter_context(closing(Children()))
        log = resources.enter_context(closing(AccessLog(most=1)))
        answers = _home(folder / "static") / "answers"
        answers.mkdir(mode=0o700)
        for each in samples:
            (answers / each.file).write_bytes(b"x" * int(each.file.removesuffix(".json")))
        static = Balancer(program, folder / "static", children, _static)
        static.start()
        render = partial(_render, program, log, affinity, static.port)
        nginx = Balancer(program, _home(folder / "nginx"), children, render)
        nginx.start()
        return [_cost(nginx, each, effort) for each in samples]


def _cost(nginx: Balancer, sample: Sample, effort: Effort) -> Constant:
    request = Request.like(sample.exchange, f"/{POOL}/{sample.file}")
    credential = {
        name: value
        for name, value in sample.exchange.request_headers.items()
        if name in ("Authorization", "Cookie")
    }
    pids, requests, seen = with_children(nginx.pid), [request] * effort.proxied, []
    with ExitStack() as resources:
        customers = [
            resources.enter_context(
                closing(LoadCustomer(("127.0.0.1", nginx.port), dict(credential)))
            )
            for _ in range(NGINX_CONNECTIONS)
        ]
        saturation = run_load(customers, requests, None)
        for _ in range(effort.rounds):
            before_s = cpu_s(pids)
            run_load(customers, requests, LOAD_SHARE * saturation)
            seen.append((cpu_s(pids) - before_s) * 1e6 / len(requests))
    n = effort.rounds * effort.proxied
    return Constant(
        "balancer_cpu", sample.kind, sample.lines, median(seen), min(seen), max(seen), n
    )


def _home(folder: Path) -> Path:
    (folder / "logs").mkdir(mode=0o700, parents=True)
    return folder


def _static(version: str, port: int) -> str:
    user = f"user {who};\n" if (who := nginx_conf.worker_user()) else ""
    return STATIC_CONF.format(
        user=user, port=port, version=version, config_path=nginx_conf.CONFIG_PATH
    )


def _render(
    program: Program, log: AccessLog, affinity: Affinity, server: int, version: str, port: int
) -> str:
    pool = nginx_conf.PoolConfig(
        PoolSpec(POOL, "stateless_app", servers=1), affinity, "off", {"A": f"127.0.0.1:{server}"}
    )
    config = nginx_conf.NginxConfig(
        port=port,
        pools=(pool,),
        log_port=log.port,
        log_tag=log.tag,
        version=version,
        nginx_version=program.version_numbers,
        user=nginx_conf.worker_user(),
    )
    return nginx_conf.render(config)
