"""What a store's URL says, what is refused, and that nothing secret of it is shown."""

import pytest

from lab.shop.redis.store_url import FORMS, SCHEMES, label, parse

CLUSTER = [
    ("redis+cluster://a:1,b:2", [("a", 1), ("b", 2)], "redis://a:1/0?"),
    ("redis+cluster://a/", [("a", 6379)], "redis://a:6379/0?"),
    ("rediss+cluster://u:p@a:1,b/0", [("a", 1), ("b", 6379)], "rediss://u:p@a:1/0?"),
    ("redis+cluster://:p@q:r@a:1", [("a", 1)], "redis://:p@q:r@a:1/0?"),
    ("redis+cluster://:p%40q%2C%3A@a:1,b:2", [("a", 1), ("b", 2)], "redis://:p%40q%2C%3A@a:1/0?"),
    ("redis+cluster://:p,q@a:1", [("a", 1)], "redis://:p,q@a:1/0?"),
    ("redis+cluster://[::1]:7,[fe80::2]", [("::1", 7), ("fe80::2", 6379)], "redis://[::1]:7/0?"),
    ("redis+cluster://a?protocol=3", [("a", 6379)], "redis://a:6379/0?protocol=3"),
]


@pytest.mark.parametrize(("text", "hosts", "one_server"), CLUSTER)
def test_cluster(text, hosts, one_server):
    url = parse(text)
    assert (url.kind, url.service, url.sentinel_account) == ("cluster", "", {})
    assert (list(url.hosts), url.one_server) == (hosts, one_server)


SENTINEL = [
    ("redis+sentinel://a:1,b/shop", [("a", 1), ("b", 26379)], "shop", "redis://a:1/0?", {}),
    ("redis+sentinel://a/shop/", [("a", 26379)], "shop", "redis://a:26379/0?", {}),
    ("rediss+sentinel://:p@a/a.b-1/2", [("a", 26379)], "a.b-1", "rediss://:p@a:26379/2?", {}),
    (
        "redis+sentinel://:p@a/shop/0?sentinel_username=x&sentinel_password=%26%40&client_name=y",
        [("a", 26379)],
        "shop",
        "redis://:p@a:26379/0?client_name=y",
        {"username": "x", "password": "&@"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "hosts", "service", "one_server", "account"), SENTINEL)
def test_primary_behind_sentinels(text, hosts, service, one_server, account):
    url = parse(text)
    assert (url.kind, list(url.hosts), url.service) == ("sentinel", hosts, service)
    assert (url.one_server, url.sentinel_account) == (one_server, account)


@pytest.mark.parametrize(
    "text", ["redis://:p@h:1/2?x=y", "rediss://h", "unix:///run/s?db=1", "redis://h:not-a-port"]
)
def test_single_server_is_left_to_redis_py(text):
    assert (parse(text).kind, parse(text).one_server) == ("", text)


BAD = [
    *("", "memory", "redis", "redis:h", "http://h", "redis+cluster:h", "REDIS+CLUSTER://h"),
    *("redis+unix://h", "unix+cluster://h", "cluster://h", "redis+sentinels://h/s"),
    *("redis+cluster://", "redis+cluster://,", "redis+cluster://a,,b", "redis+cluster://s3cret@"),
    *("redis+cluster://:s3cret@,a", "redis+cluster://:s3cret@a:0", "redis+cluster://a:65536"),
    *("redis+cluster://a:b", "redis+cluster://a:1:2", "redis+cluster://a:", "redis+cluster://a:-1"),
    *("redis+cluster://a:\u0661", "redis+cluster://[::1", "redis+cluster://::1", "redis+cluster://[]"),
    *("redis+cluster://:s3/cret@a:1", "redis+cluster://:s3#cret@a", "redis+cluster://:s3?cret@a"),
    *("redis+cluster://a b", "redis+cluster://a\n", "redis+cluster://\ta", "redis+cluster://a\0", "redis+cluster://\u212a"),
    *("redis+cluster://a/1", "redis+cluster://a/shop", "redis+cluster://a?db=1", "redis+cluster://a?db"),
    *("redis+cluster://:s3cret@a,:s3cret@b/x", "redis+cluster://a/0#s3cret"),
    *("redis+sentinel://a", "redis+sentinel://a/", "redis+sentinel://a//0", "redis+sentinel:///shop"),
    *("redis+sentinel://a/shop/x", "redis+sentinel://a/shop/0/1", "redis+sentinel://a/sh op"),
    *("redis+sentinel://a/sh%20op", "redis+sentinel://a/shop/-1", "redis+sentinel://:s3cret@/shop"),
    *("redis+sentinel://a/l\u00e4den", "redis+sentinel://a/../shop"),
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=ascii)
def test_text_that_is_no_store_url_is_refused_without_quoting_it(text):
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert str(refused.value) == FORMS
    assert refused.value.__context__ is None
    assert "s3cret" not in label(text)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_store_url_shows_scheme_hosts_and_service_only(scheme):
    text = f"{scheme}s3cret:s3@cret@h:1,i:2/shop?sentinel_password=s3cret&x=s3cret"
    if "sentinel" not in scheme:
        text = text.replace("/shop", "/0")
    if scheme.count("+") == 0:
        text = text.replace(",i:2", "")
    shown = label(text)
    assert shown.startswith(scheme) and "cret" not in shown
    assert "cret" not in repr(parse(text)) + str(parse(text))
    if "+" in scheme:
        assert shown == f"{scheme}h:1,i:2" + ("/shop" if "sentinel" in scheme else "")
    elif scheme != "unix://":
        assert shown == f"{scheme}h:1"


@pytest.mark.parametrize(
    "url",
    ["redis://hunter2?x@host/0", "redis://user:123#x@host", "redis://:hunter2/x@host:6379/0"],
)
def test_password_that_breaks_the_url_is_not_shown(url):
    assert label(url) == "a store whose URL cannot be read"


@pytest.mark.parametrize("option", ["socket_timeout=60", "socket_connect_timeout=60"])
@pytest.mark.parametrize("url", ["redis://h/0", "redis+cluster://h", "redis+sentinel://h/mine"])
def test_time_limits_are_not_the_urls(url, option):
    with pytest.raises(ValueError, match="without socket_timeout"):
        parse(f"{url}?{option}")
