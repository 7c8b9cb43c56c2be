"""The phones' listener: an nginx of its own, which knows the phones' routes and no other.

A process apart from the lab's nginx: however many connections phones hold, the page and the
desks have theirs.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lab.console.guard import SECURITY_HEADERS
from lab.console.room.addresses import LOOPBACK
from lab.console.room.phone_app import ADDRESS_HEADER, PHONE_FILES, POSTS, STATE_PATH
from lab.core.errors import LabError
from lab.processes.spawn import Children, prepare_run_dir
from lab.stack.balancer import Balancer
from lab.stack.nginx_conf import CONFIG_PATH, worker_user
from lab.stack.programs import find_nginx
from lab.stack.stack import NO_NGINX

PHONE_CONNECTIONS = 8192
POSTS_PER_S = 60  # from one address: a whole room may share it behind one router
POSTS_OF_ROOM_PER_S = 400
WRONG_CODES_PER_S = 10
REQUESTS_AT_ONCE = 100  # from one address, likewise
_CONF = """\
# The phones' nginx, written by `lab class`. No log: nothing of a phone is kept.
daemon off;
worker_processes 1;
worker_shutdown_timeout 2s;
{user}pid nginx.pid;
error_log logs/nginx.log warn;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}

http {{
    access_log off;
    error_log logs/nginx.log emerg;  # milder errors name a phone's address
    server_tokens off;
    default_type application/problem+json;

    # Who says nothing, or reads nothing, is in the way.
    client_header_timeout 5s;
    client_body_timeout 5s;
    send_timeout 5s;
    keepalive_timeout 15s;
    reset_timedout_connection on;
    client_max_body_size {most_bytes};
    large_client_header_buffers 4 4k;

    client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi; scgi_temp_path tmp/scgi;

    # Limits: for each address but this machine's own (the rehearsal is many phones in one),
    # and for each code. What has no code, or a wrong one, shares a small limit.
    geo $is_own {{ default 0; 127.0.0.0/8 1; {address} 1; }}
    map $is_own $phone {{ 0 $binary_remote_addr; default ""; }}
    map $http_x_room_code $wrong_code {{ "{code}" ""; default wrong; }}
    map $wrong_code $right_code {{ "" "{code}"; default ""; }}
    limit_req_zone $phone zone=phone:1m rate={posts}r/s;
    limit_req_zone $right_code zone=right:32k rate={posts_of_room}r/s;
    limit_req_zone $wrong_code zone=wrong:32k rate={wrong}r/s;
    limit_conn_zone $phone zone=open:1m;
    limit_req_status 429;
    limit_conn_status 429;

    # All phones poll this one resource: nginx fetches it once a second for all of them.
    proxy_cache_path tmp/cache keys_zone=state:1m max_size=4m inactive=10s use_temp_path=off;
    proxy_cache_lock on;
    proxy_cache_use_stale updating;

    upstream room {{ server {upstream}; keepalive 16; }}
    map $http_host $is_known {{ {hosts} default 0; }}

    server {{
        {listen}
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header {address_header} $remote_addr;
        proxy_read_timeout 15s;
{headers}
        limit_conn open {at_once};

        error_page 403 404 405 413 429 500 502 503 504 @said;
        location @said {{
            internal;
            add_header Retry-After 1 always;
    {headers}
            return 200 '{{"status":$status,"title":"Refused","detail":"$said","silent":$silent}}';
        }}
        if ($is_known = 0) {{ return 403; }}

        location = {config} {{
            if ($is_own = 0) {{ return 404; }}
            return 200 "{version}";
        }}
{locations}
        location / {{ return 404; }}
    }}

    map $status $silent {{ default false; ~^5 true; }}
    map $status $said {{
        default "This is not a page for phones: open the address on the wall again.";
        403 "This room answers only at the address on the wall: type it again.";
        429 "Too many at once: wait a second, then try again.";
        413 "That was too long: use a shorter name.";
        ~^5 "The lab does not answer just now: keep this page open, it tries again.";
    }}
}}
"""
_CACHED = """\
        location = {path} {{
            limit_except GET {{ deny all; }}
            proxy_cache state;
            proxy_cache_key {path};
            proxy_pass http://room{path}?;
        }}
"""
_PAGE_LOCATION = """\
        location = / {
            limit_except GET { deny all; }
            limit_req zone=phone burst=200 nodelay;
            proxy_pass http://room/?;
        }
"""
_POST = """\
        location = /room/{name} {{
            limit_req zone=phone burst=120 nodelay;
            limit_req zone=right burst=800 nodelay;
            limit_req zone=wrong burst=20 nodelay;
            proxy_pass http://room/room/{name}?;
        }}
"""


def conf(*, address: str, port: int, code: str, upstream: str, version: str, user: str) -> str:
    """Return nginx.conf of the phones' listener at `address`; `upstream` is the phones' app."""
    addresses = dict.fromkeys((LOOPBACK, address))  # 127.0.0.1: the rehearsal, and readiness
    hosts = [f"{each}:{port}" for each in addresses] + (list(addresses) if port == 80 else [])
    paths = (STATE_PATH, *(f"/room/{name}" for name in PHONE_FILES))
    return _CONF.format(
        user=f"user {user};\n" if user else "",
        files=2 * PHONE_CONNECTIONS,
        connections=PHONE_CONNECTIONS,
        most_bytes="2k",
        address=address,
        code=code,
        posts=POSTS_PER_S,
        posts_of_room=POSTS_OF_ROOM_PER_S,
        wrong=WRONG_CODES_PER_S,
        at_once=REQUESTS_AT_ONCE,
        upstream=upstream.removesuffix(":"),
        hosts=" ".join(f'"{each}" 1;' for each in hosts),
        listen=" ".join(f"listen {each}:{port} backlog=4096;" for each in addresses),
        address_header=ADDRESS_HEADER,
        headers="\n".join(
            f'        add_header {name} "{value}" always; proxy_hide_header {name};'
            for name, value in SECURITY_HEADERS.items()
        ),
        config=CONFIG_PATH,
        version=version,
        locations="".join(
            [_PAGE_LOCATION, *(_CACHED.format(path=each) for each in paths)]
            + [_POST.format(name=name) for name in POSTS]
        ),
    )


@contextmanager
def listening_to_phones(
    run_dir: Path, address: str, port: int, code: str, upstream: str
) -> Iterator[int]:
    """Run the listener; yield its port (`port`, or for 0 any that is free)."""
    program = find_nginx()
    if program is None:
        raise LabError(NO_NGINX)
    with closing(Children()) as children:

        def render(version: str, port: int) -> str:
            return conf(
                address=address,
                port=port,
                code=code,
                upstream=upstream,
                version=version,
                user=worker_user(),
            )

        listener = Balancer(program, prepare_run_dir(run_dir), children, render, port)
        listener.start()
        yield listener.port
