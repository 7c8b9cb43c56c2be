"""What the lab says of a store that does not answer, or refuses: no class, no password."""

import pytest
import redis

from lab.core.errors import LabError
from lab.stack.session_store import ExternalStore
from lab.stack.store_client import ask, read_url


def raising(error):
    def question():
        raise error

    return question


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (redis.ConnectionError("at 10.0.0.7"), "the store does not answer: check that it runs"),
        (redis.TimeoutError("at 10.0.0.7"), "the store does not answer: check that it runs"),
        (OSError("at 10.0.0.7"), "the store does not answer: check that it runs"),
        (redis.AuthenticationError("at 10.0.0.7"), "refuses the user name or the password"),
        (redis.exceptions.NoPermissionError("at 10.0.0.7"), "refuses a command of the lab"),
        (redis.ResponseError("DB index is out of range"), "a database that exists"),
        (ValueError("at 10.0.0.7"), "this is not the URL of a store: write redis://HOST:PORT/0"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_trouble_with_a_store_is_said_in_words(error, said):
    with pytest.raises(LabError) as refused:
        ask(raising(error))
    assert said in str(refused.value)
    assert type(error).__name__ not in str(refused.value)
    assert "10.0.0.7" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["redis://u:secret@127.0.0.1:1", "redis+cluster://:secret@127.0.0.1:1"]
)
def test_store_that_is_not_there_is_named_by_its_url_without_the_password(url):
    with pytest.raises(
        LabError, match=r"no answer from redis[a-z+]*://127\.0\.0\.1:1: check"
    ) as gone:
        ExternalStore(url).__enter__()
    assert "secret" not in str(gone.value)


def test_url_that_is_none_is_answered_with_what_to_write():
    with pytest.raises(LabError, match="not the URL of a store: write redis://HOST:PORT/0"):
        read_url("redis+cluster://a b")
