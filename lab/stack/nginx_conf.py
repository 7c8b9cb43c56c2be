"""nginx.conf as text: a pure function of the pools, short enough to be read by students."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lab.stack.access_log import LOG_FIELDS
from lab.stack.certificate import CERTIFICATE, TLS_KEY
from lab.stack.pool_spec import Affinity, PoolSpec, Retry

CONFIG_PATH = "/lab-config"
"""nginx answers here which version of its configuration it obeys."""
KEEPALIVE_MIN_TIMEOUT_SINCE = (1, 27, 4)
HTTP2_DIRECTIVE_SINCE = (1, 25, 1)

TOP = """\
{about}

daemon off;                    # {daemon}
master_process on;             # a reload (a server comes or goes) needs a master
worker_processes 1;            # one worker, one round robin: turns come in order
worker_shutdown_timeout 8s;    # after a reload the old worker finishes what it has begun
{user}pid nginx.pid;
error_log {error_log} warn;
worker_rlimit_nofile 16384;    # a connection takes two files: the client's and the server's
events {{ worker_connections 8192; }}  # a crowd that waits for a paused server holds them all

http {{
    # Each request is logged {log_says}. Never the query
    # string: a token may be in it. Of one as in /api/cart?token=…&userId=123 its beginning is left.
    map $args $query_left {{
        "~^token=(?<token_head>[^&]{{6}})[^&]{{20,}}&userId=(?<token_user>[A-Za-z0-9-]{{1,24}})$"
            "token=$token_head…&userId=$token_user";
    }}
    log_format lab escape=json
{log_format};
    access_log {access_log} lab;
    error_log {error_log} emerg;  # milder errors quote the request, the query string too

    # Large headers. nginx by default refuses a request header of 8 KB (400), and turns an
    # answer with a header of 4 KB into 502 although the server has done the work.
    large_client_header_buffers 8 64k;
    proxy_buffer_size 32k;
    proxy_buffers 8 32k;
    client_max_body_size 1m;
    client_header_timeout 10s;  # who connects and says nothing is in the way
    client_body_timeout 10s;    # likewise
    send_timeout 10s;           # who does not read its answer, too
    absolute_redirect off;      # a redirect leads to no host that a client has named

    # Between nginx and the servers: keep connections, and do not wait long for a dead one.
    proxy_http_version 1.1;
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;
{headers}
{keepalive_min}
    # Scratch files, all under this directory.
    client_body_temp_path {tmp}body; proxy_temp_path {tmp}proxy; fastcgi_temp_path {tmp}fastcgi;
    uwsgi_temp_path {tmp}uwsgi; scgi_temp_path {tmp}scgi;
"""
KEEPALIVE_MIN = """\
    keepalive_min_timeout 3s;  # at a reload, do not cut a client's connection in mid-sentence
"""
PROXY_HEADERS = (
    'proxy_set_header Connection "";                # (HTTP/1.1 keeps connections by itself)',
    "proxy_set_header Host $http_host;              # as the client wrote it",
    "proxy_set_header X-Request-Id $request_id;     # one id in every log",
    'proxy_set_header X-Op-Key "";                  # for this log only: it says whose X-Op it is',
)
CLOSED_TO_NOBODY = "# (nobody, the usual worker, may not read this directory)"
OWN_ANSWERS = """\
# What nginx answers itself is JSON too, with the status as it was. A request that cannot be
# parsed has no path, and so cannot lead to a name; 494 is nginx's word for a large header.
error_page 400 408 414 /.refused;
error_page 494 =400 /.refused;
error_page 404 405 413 501 @refused;
error_page 301 =404 @refused;  # no redirect to a path with a slash at its end
error_page 502 503 504 @no_server;
location = /.refused {
    internal;
    try_files /.none @refused;
}
location @refused {
    default_type application/problem+json;
    add_header Content-Security-Policy "default-src 'self'; frame-ancestors 'none'" always;
    add_header X-Content-Type-Options nosniff always;
    return 200 '{"status":$status,"title":"Refused by the load balancer",
    "detail":"no server has seen it: broken, too large, or for no path that nginx knows"}';
}
location @no_server {
    default_type application/problem+json;
    return 200 '{"status":$status,"title":"No server answered",
    "detail":"the server whose turn it was is dead or paused: see `lab status`"}';
}"""
NO_SUCH_SERVER = '{"status":404,"title":"no such server: see `lab status`"}'


@dataclass(frozen=True)
class Place:
    """What in nginx.conf depends on where nginx runs."""

    about: str
    daemon: str
    """Why it stays in the foreground."""
    log_says: str
    """Where each request is logged, and how."""
    access_log: str
    error_log: str
    tmp: str
    """Start of the scratch paths, relative to nginx's prefix: "tmp/"."""
    listen: str
    """Start of the address: "127.0.0.1:"; "" for every address of a container."""


RUN = Place(
    about="# nginx.conf of this run, written by the lab.\n"
    "# Paths are relative to this directory. To try a change:  nginx -t -p . -c nginx.conf",
    daemon="stay a child of the lab, so that nothing outlives it",
    log_says="to the lab at once, as JSON in one UDP datagram",
    access_log="syslog:server=127.0.0.1:{port},tag={tag},nohostname",
    error_log="logs/nginx.log",
    tmp="tmp/",
    listen="127.0.0.1:",
)


@dataclass(frozen=True)
class PoolConfig:
    """One pool as nginx is to see it now."""

    spec: PoolSpec
    affinity: Affinity
    retry: Retry
    servers: Mapping[str, str]
    """Address of each server that gets requests, "HOST:PORT", by name."""


@dataclass(frozen=True)
class NginxConfig:
    """Everything nginx.conf depends on."""

    port: int
    pools: tuple[PoolConfig, ...]
    log_port: int
    log_tag: str
    version: str
    """Answered under CONFIG_PATH: shows which configuration nginx obeys."""
    nginx_version: tuple[int, ...]
    user: str = ""
    """"user group" of the worker; only root may (and must) say it."""
    extra_locations: tuple[str, ...] = field(default=())
    """Whole `location … { … }` blocks beside the pools, such as the console's."""
    place: Place = RUN
    tls_port: int = 0
    """Where the same is served by HTTPS, HTTP/2 included; 0 for nowhere."""


def render(config: NginxConfig) -> str:
    """The text of nginx.conf."""
    own = _unique(_line(d) for pool in config.pools for d in pool.spec.http_directives)
    blocks = [
        _without(_top(config), own),
        *own,
        *(_upstream(pool) for pool in config.pools),
        _server(config),
        "}\n",
    ]
    return "\n".join(blocks)


def _top(config: NginxConfig) -> str:
    place = config.place
    return TOP.format(
        about=place.about,
        daemon=place.daemon,
        log_says=place.log_says,
        user=f"user {config.user};  {CLOSED_TO_NOBODY}\n" if config.user else "",
        log_format=_log_format(),
        access_log=place.access_log.format(port=config.log_port, tag=config.log_tag),
        error_log=place.error_log,
        tmp=place.tmp,
        headers="\n".join(f"    {header}" for header in PROXY_HEADERS),
        keepalive_min=KEEPALIVE_MIN if config.nginx_version >= KEEPALIVE_MIN_TIMEOUT_SINCE else "",
    )


def _without(top: str, own: list[str]) -> str:
    """Leave out the defaults that a pool's own directives replace; an access log is one more."""
    names = {line.split()[0] for line in own} - {"access_log"}
    lines = top.splitlines(keepends=True)
    return "".join(line for line in lines if not names & set(line.split()[:1]))


def _log_format() -> str:
    pairs = [f'"{name}":"{variable}"' for name, variable in LOG_FIELDS.items()]
    lines = [f"        '{pair},'" for pair in pairs]
    lines[0] = lines[0].replace("'", "'{", 1)
    lines[-1] = f"        '{pairs[-1]}}}'"
    return "\n".join(lines)


def _upstream(pool: PoolConfig) -> str:
    name = pool.spec.name
    # max_fails: how many failures until nginx leaves a server out for fail_timeout. With
    # retries off that must not happen either, or a crash would hide behind the others.
    failures = "max_fails=0" if pool.retry == "off" else "max_fails=1 fail_timeout=10s"
    lines = [f"server {address} {failures};  # {s}" for s, address in pool.servers.items()]
    if pool.affinity == "cookie":
        lines.append(
            f"sticky cookie desk_affinity path=/{name}/{' secure' if pool.spec.tls else ''};"
            "  # who was served by A stays with A"
        )
    lines += [
        "keepalive 32;  # idle connections kept open to the servers",
        "keepalive_requests 100000;  # for so many requests each, not for nginx's 1,000",
    ]
    turns = "in turn (round robin)" if pool.affinity == "none" else "by the client's cookie"
    return _block(f"upstream {name}", lines, f"{name}: {_counted(pool.servers)}, {turns}")


def _server(config: NginxConfig) -> str:
    lines = [
        f"listen {config.place.listen}{config.port};",
        *_tls(config),
        "",
        "# Which version of this file nginx obeys: asked after a reload, or to see that it is up.",
        f'location = {CONFIG_PATH} {{ access_log off; return 200 "{config.version}"; }}',
    ]
    lines += ["", *OWN_ANSWERS.splitlines()]
    for pool in config.pools:
        lines += ["", *_location(pool).splitlines()]
    for location in config.extra_locations:
        lines += ["", *location.strip().splitlines()]
    if not any(location.split()[:2] == ["location", "/"] for location in config.extra_locations):
        lines += ["", "location / { return 404; }"]
    return _block("server", lines)


def _tls(config: NginxConfig) -> list[str]:
    if not config.tls_port:
        return []
    listen = f"listen {config.place.listen}{config.tls_port} ssl"
    is_old = config.nginx_version < HTTP2_DIRECTIVE_SINCE
    return [
        f"{listen}{' http2' if is_old else ''};  # HTTPS; the listener above is for the lab itself",
        *([] if is_old else ["http2 on;  # for clients that ask for it; others get HTTP/1.1"]),
        f"ssl_certificate {CERTIFICATE}; ssl_certificate_key {TLS_KEY};  # made for this run",
        "ssl_protocols TLSv1.2 TLSv1.3;",
    ]


def _location(pool: PoolConfig) -> str:
    name = pool.spec.name
    own = {directive.split()[0] for directive in pool.spec.directives}
    retry = "off" if pool.retry == "off" else "error timeout"
    why = "a failure is shown" if pool.retry == "off" else "nginx's default: ask the next server"
    lines = [
        f"proxy_pass http://{name}/;",
        f"proxy_cookie_path / /{name}/;  # cookies of this desk only",
    ]
    if pool.spec.tls:
        lines.append("proxy_cookie_flags ~ secure;  # a browser sends them by HTTPS only")
    if "proxy_next_upstream" not in own:
        lines.append(f"proxy_next_upstream {retry};  # {why}")
    if "proxy_set_header" in own:  # one such line here, and nginx forgets those of the http block
        lines += PROXY_HEADERS
    lines += [_line(directive) for directive in pool.spec.directives]
    lines += [
        f"location /{name}/@{server}/ {{ proxy_pass http://{address}/; }}  # {server} itself"
        for server, address in pool.servers.items()
    ]
    lines += [
        f"location /{name}/@ {{",
        "    default_type application/problem+json;",
        f"    return 404 '{NO_SUCH_SERVER}';",
        "}",
    ]
    return _block(f"location /{name}/", lines, indent="")


def _counted(servers: Mapping[str, str]) -> str:
    return f"{len(servers)} server{'s' if len(servers) != 1 else ''}"


def _block(head: str, lines: Iterable[str], comment: str = "", indent: str = "    ") -> str:
    body = [f"    {line}" if line else "" for line in lines]
    text = [*([f"# {comment}"] if comment else []), f"{head} {{", *body, "}"]
    return "\n".join(f"{indent}{line}".rstrip() for line in text) + "\n"


def _line(directive: str) -> str:
    return (
        directive.rstrip().rstrip(";") + ";" if not directive.rstrip().endswith("}") else directive
    )


def _unique(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in dict.fromkeys(lines)]


def worker_user() -> str:
    """Return "root root" for root (nginx's usual user cannot read the run's folder), else ""."""
    if os.name != "posix" or os.geteuid() != 0:
        return ""
    import grp
    import pwd

    return f"{pwd.getpwuid(0).pw_name} {grp.getgrgid(os.getegid()).gr_name}"
