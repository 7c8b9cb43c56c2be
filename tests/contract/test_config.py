"""The environment is checked at the start, and a refusal repeats no secret."""

import pytest

import stateful_app
from lab.shop.http import ConfigError
from stateful_app.config import Config as StatefulConfig
from stateless_app.config import Config as StatelessConfig

KEY = "k" * 32
BAD_SECONDS = ["", " ", "0", "-1", "+1", "1e3", "1.5", "1_000", " 60", "60\n", "x", "٦٠", "²", "½"]
BAD_SECONDS += [str(10**9 + 1), "9" * 30, "9" * 5000]
BAD_NAMES = ["", " ", "a b", "a\nX-Evil: 1", "é", "x" * 33, "a/b", "\udcff"]


@pytest.mark.parametrize("seconds", BAD_SECONDS, ids=lambda text: ascii(text[:12]))
def test_life_that_is_no_whole_seconds(seconds: str) -> None:
    with pytest.raises(ConfigError, match="TOKEN_MAX_AGE_S"):
        StatelessConfig.from_environ({"STATELESS_SIGNING_KEYS": KEY, "TOKEN_MAX_AGE_S": seconds})
    with pytest.raises(ConfigError, match="SESSION_MAX_AGE_S"):
        StatefulConfig.from_environ({"SESSION_MAX_AGE_S": seconds})


@pytest.mark.parametrize(("seconds", "read"), [("1", 1), ("0060", 60), ("1000000000", 10**9)])
def test_life_in_whole_seconds(seconds: str, read: int) -> None:
    environ = {"STATELESS_SIGNING_KEYS": KEY, "TOKEN_MAX_AGE_S": seconds}
    assert StatelessConfig.from_environ(environ).max_age_s == read
    assert StatefulConfig.from_environ({"SESSION_MAX_AGE_S": seconds}).max_age_s == read


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_replica_that_fits_no_header(name: str) -> None:
    for config in (StatefulConfig, StatelessConfig):
        with pytest.raises(ConfigError, match="REPLICA"):
            config.from_environ({"STATELESS_SIGNING_KEYS": KEY, "REPLICA": name})


def test_config_defaults_hold_for_an_empty_environment(capsys: pytest.CaptureFixture[str]) -> None:
    config = StatefulConfig.from_environ({})
    assert (config.store, config.max_age_s, config.instance_info.replica) == (
        "memory",
        3600,
        "solo",
    )
    assert config.instance_info != StatefulConfig.from_environ({}).instance_info
    assert capsys.readouterr().err == ""


# --- the stateful desk's store -----------------------------------------------------------------

BAD_STORES = [
    "",
    " ",
    "Memory",
    "file:",
    "file",
    "redis",
    "redis:",
    "http://x/",
    "memcached://x",
    "/",
]


@pytest.mark.parametrize("store", BAD_STORES, ids=ascii)
def test_store_that_there_is_not(store: str) -> None:
    with pytest.raises(ConfigError, match="STATEFUL_STORE must be memory"):
        StatefulConfig.from_environ({"STATEFUL_STORE": store})


BAD_URLS = [
    "redis://:s3cret@host:notaport/0",
    "redis://:s3cret@host:99999/0",
    "redis://:s3cret@[::1/0",
    "redis://:s3cret@host/0?db=s3cret",
    "redis://:s3cret@host/0?s3cret=1",
    "redis://:s3cret@host/0?protocol=9",
    "http://:s3cret@host",
    "redis+cluster://:s3cret@host:notaport,host",
    "redis+cluster://:s3cret@host/1",
    "redis+cluster://:s3cret@host?s3cret=1",
    "redis+cluster://:s3cret@host?socket_timeout=s3cret",
    "redis+sentinel://:s3cret@host",
    "redis+sentinel://:s3cret@host/shop?s3cret=1",
    "redis+sentinel://:s3cret@host/shop?db=s3cret",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_refused_store_does_not_repeat_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        stateful_app.create_app(StatefulConfig.from_environ({"STATEFUL_STORE": url}))
    assert "s3cret" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_configuration_shown_does_not_show_its_secrets() -> None:
    store = StatefulConfig.from_environ({"STATEFUL_STORE": "redis://:s3cret@host/0"})
    keys = StatelessConfig.from_environ({"STATELESS_SIGNING_KEYS": "s3cret" * 6})
    assert "s3cret" not in repr(store) + repr(keys)


@pytest.mark.parametrize("directory", ["/dev/null", "/dev/null/sessions", "\0"], ids=ascii)
def test_directory_that_cannot_be_used(directory: str) -> None:
    config = StatefulConfig.from_environ({"STATEFUL_STORE": f"file:{directory}"})
    with pytest.raises(ConfigError, match="directory that cannot be used"):
        stateful_app.create_app(config)


# --- the stateless desk's keys -------------------------------------------------------------------

SHORT = "s3cret, but short"


@pytest.mark.parametrize(
    "listed",
    ["", " ", ",", SHORT, f"{KEY},", f",{KEY}", f"{KEY},{SHORT}", f"{KEY},,{KEY}", " " * 40],
    ids=ascii,
)
def test_short_or_empty_keys_refuse_to_start(listed: str) -> None:
    with pytest.raises(ConfigError, match="at least 32 bytes") as refused:
        StatelessConfig.from_environ({"STATELESS_SIGNING_KEYS": listed})
    assert "s3cret" not in str(refused.value)


def test_keys_are_oldest_first_and_spaces_are_none_of_theirs() -> None:
    old, new = "o" * 32, "é" * 16
    config = StatelessConfig.from_environ({"STATELESS_SIGNING_KEYS": f"{old}, {new}\n"})
    assert config.signing_keys == (old, new)


def test_stateless_app_without_keys_makes_one_and_says_what_that_means(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configs = [StatelessConfig.from_environ({}) for _ in range(2)]
    assert configs[0].signing_keys != configs[1].signing_keys
    printed = capsys.readouterr().err
    assert "STATELESS_SIGNING_KEYS is not set" in printed and "useless when it ends" in printed
    assert configs[0].signing_keys[0] not in printed
