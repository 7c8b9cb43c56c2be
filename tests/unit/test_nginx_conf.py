"""nginx.conf and pool specs: what is asked for is written, what is hostile is refused."""

import re
from itertools import pairwise

import pytest

from lab.core.errors import LabError
from lab.stack.nginx_conf import NginxConfig, PoolConfig, render
from lab.stack.pool_spec import PoolSpec

SERVERS = {"A": "127.0.0.1:20001", "B": "127.0.0.1:20002"}


def conf(spec, servers=None, nginx_version=(1, 31, 3), **more):
    pool = PoolConfig(spec, spec.affinity, spec.retry, servers or SERVERS)
    return render(NginxConfig(8000, (pool,), 5140, "lab_tag", "v-1", nginx_version, **more))


def plain(**more):
    return PoolSpec("stateful", "stateful_app", **more)


def test_default_configuration_hides_no_crash():
    text = conf(plain())
    assert "proxy_next_upstream off;" in text
    assert text.count("max_fails=0;") == 2
    assert "sticky" not in text


def test_retry_on_is_nginx_s_own_default():
    text = conf(plain(retry="on"))
    assert "proxy_next_upstream error timeout;" in text
    assert "max_fails=1" in text and "max_fails=0" not in text


def test_affinity_is_a_cookie_of_this_desk_only():
    assert "sticky cookie desk_affinity path=/stateful/;" in conf(plain(affinity="cookie"))


def test_each_replica_has_its_own_address_and_a_drained_one_has_none():
    assert "location /stateful/@B/ { proxy_pass http://127.0.0.1:20002/; }" in conf(plain())
    drained = conf(plain(), servers={"A": "127.0.0.1:20001"})
    assert "@B" not in drained and "20002" not in drained


def test_directive_of_the_pool_wins_without_a_duplicate_in_its_block():
    text = conf(plain(directives=("proxy_read_timeout 1s", "proxy_next_upstream http_502;")))
    location = text[text.index("location /stateful/ {") :]
    assert "proxy_read_timeout 1s;" in location
    assert location.count("proxy_next_upstream") == 1


def test_pool_with_headers_of_its_own_keeps_the_common_ones():
    text = conf(plain(directives=("proxy_set_header X-Extra 1",)))
    location = text[text.index("location /stateful/ {") :]
    assert "proxy_set_header Host $http_host;" in location


def test_equal_http_directives_of_two_pools_are_written_once():
    specs = [PoolSpec(n, "a", http_directives=("proxy_cache_path c keys_zone=z:1m",)) for n in "ab"]
    pools = tuple(PoolConfig(s, "none", "off", {"A": "127.0.0.1:20001"}) for s in specs)
    text = render(NginxConfig(8000, pools, 5140, "t", "v", (1, 31)))
    assert text.count("proxy_cache_path c keys_zone=z:1m;") == 1


def test_old_nginx_is_not_given_what_it_does_not_know():
    assert "keepalive_min_timeout" in conf(plain())
    assert "keepalive_min_timeout" not in conf(plain(), nginx_version=(1, 26, 0))


def test_query_string_is_never_logged():
    log_format = re.search(r"log_format lab.*?;", conf(plain()), re.DOTALL)[0]
    variables = set(re.findall(r"\$(\w+)", log_format))
    assert "uri" in variables
    assert not variables & {"request", "request_uri", "args", "query_string", "http_referer"}
    assert not any(v.startswith(("arg_", "http_auth", "http_cookie")) for v in variables)


def query_left(query):
    """Return what the configuration's map leaves of a query, by Python's regular expressions."""
    wanted, left = re.search(
        r'map \$args \$query_left {\s*"~(.*?)"\s*"(.*?)";', conf(plain())
    ).groups()
    found = re.search(wanted.replace("(?<", "(?P<"), query)
    return re.sub(r"\$(\w+)", lambda name: found[name[1]], left) if found else ""


TOKEN = ".SIkljUsOgzAMRO8CWjPzabcdefgh"


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (f"token={TOKEN}&userId=123", "token=.SIklj…&userId=123"),
        (f"token={TOKEN}&userId=123&token={TOKEN}", ""),
        (f"token={TOKEN}&session={TOKEN}", ""),
        (f"userId=123&token={TOKEN}", ""),
        (f"token={TOKEN}", ""),
        (f"token={TOKEN[:20]}&userId=123", ""),  # six of so few would be too many
        (f"token={TOKEN}&userId={TOKEN}", ""),
        ("", ""),
    ],
)
def test_token_is_logged_by_its_beginning_and_for_one_form_of_query(query, left):
    assert query_left(query) == left


def test_no_path_of_this_machine_is_in_it():
    paths = re.findall(r"^\s*(?:pid|error_log|\w+_temp_path)\s+(\S+)", conf(plain()), re.MULTILINE)
    assert len(paths) >= 4 and not any(path.startswith(("/", '"')) for path in paths)


def test_console_s_location_replaces_the_empty_one():
    console = "location / { proxy_pass http://127.0.0.1:9000; }"
    assert "location / { return 404; }" in conf(plain())
    text = conf(plain(), extra_locations=(console,))
    assert console in text and "location / { return 404; }" not in text


def test_blocks_are_closed_and_no_line_is_too_long_for_a_projector():
    lines = conf(plain(affinity="cookie")).splitlines()
    assert max(map(len, lines)) <= 110
    text = "\n".join(line.split("#")[0] for line in lines)
    assert text.count("{") == text.count("}")
    assert not any(a == b == "" for a, b in pairwise(lines)), "two empty lines in a row"


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "a b"},
        {"name": "../x"},
        {"name": "x;}"},
        {"name": "Ümlaut"},
        {"name": ""},
        {"name": "x\n"},
        {"app": "os; rm"},
        {"app": "--help"},
        {"app": ""},
        {"servers": 0},
        {"servers": 27},
        {"affinity": "ip"},
        {"retry": "yes"},
        {"directives": ("a b; } server { listen 1",)},
        {"directives": ("proxy_read_timeout 1s\nuser root",)},
        {"directives": ("",)},
    ],
)
def test_pool_spec_that_cannot_be_is_refused(bad):
    with pytest.raises(LabError, match=r"use|give|choose|none or|off or|one line"):
        PoolSpec(**{"name": "a", "app": "stateful_app", **bad})


def test_tls_is_served_beside_the_labs_own_listener_and_cookies_are_for_it_only():
    text = conf(plain(tls=True, affinity="cookie"), tls_port=8443)
    assert "listen 127.0.0.1:8000;" in text and "listen 127.0.0.1:8443 ssl;" in text
    assert "http2 on;" in text and "proxy_cookie_flags ~ secure;" in text
    assert "sticky cookie desk_affinity path=/stateful/ secure;" in text
    older = conf(plain(tls=True), nginx_version=(1, 22, 1), tls_port=8443)
    assert "listen 127.0.0.1:8443 ssl http2;" in older and "http2 on" not in older
    assert "ssl" not in conf(plain()) and "secure" not in conf(plain(affinity="cookie"))
