"""Amounts as people write them: read strictly, written short."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.capacity import amounts
from lab.errors import LabError

GIB = 2**30


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (amounts.count, "50M", 50_000_000),
        (amounts.count, "1.5k", 1500),
        (amounts.count, "2000", 2000),
        (amounts.count, "1000G", 10**12),
        (amounts.per_second, "20/day", 20 / 86_400),
        (amounts.per_second, "3/h", 3 / 3600),
        (amounts.per_second, "6/min", 0.1),
        (amounts.per_second, "10/s", 10),
        (amounts.per_second, "0.5k/d", 500 / 86_400),
        (amounts.seconds, "1h", 3600),
        (amounts.seconds, "7d", 604_800),
        (amounts.seconds, "1.5min", 90),
        (amounts.size, "16GiB", 16 * GIB),
        (amounts.size, "1.25GB", 1.25e9),
        (amounts.share, "80%", 0.8),
        (amounts.share, "0", 0),
        (amounts.share, "1", 1),
        (amounts.factor, "2.5", 2.5),
    ],
)
def test_amounts_are_read(read, text, value):
    assert read(text) == pytest.approx(value)


HOSTILE = (
    "", " ", "-1", "+1", "nan", "NaN", "inf", "1e400", "1e3", "٣", "１２", "1,000", "1_000", "0x10",
    "1 M", " 1", "1\n", "1.", ".5", "1.2.3", "M", "9" * 5000, "1\x00", "∞", "1Q", "½",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "read",
    [
        amounts.count,
        amounts.seconds,
        amounts.size,
        amounts.share,
        amounts.factor,
        lambda text: amounts.per_second(f"{text}/day"),
        lambda text: amounts.per_second(f"20/{text}"),
    ],
)
def test_hostile_amounts_get_a_clear_error(read, text):
    with pytest.raises(LabError, match="give") as error:
        read(text)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (amounts.count, "0"),
        (amounts.count, "0.5"),
        (amounts.count, "1.0001k"),
        (amounts.count, "1001G"),
        (amounts.per_second, "20"),
        (amounts.per_second, "20/fortnight"),
        (amounts.per_second, "20/day/day"),
        (amounts.per_second, "/day"),
        (amounts.per_second, "0/s"),
        (amounts.per_second, "1001/s"),
        (amounts.seconds, "0s"),
        (amounts.seconds, "60"),
        (amounts.seconds, "3651d"),
        (amounts.size, "1B"),
        (amounts.size, "1gb"),
        (amounts.size, "1001TB"),
        (amounts.share, "101%"),
        (amounts.share, "1.01"),
        (amounts.factor, "0.9"),
        (amounts.factor, "1001"),
    ],
)
def test_what_is_out_of_range_gets_a_clear_error(read, text):
    with pytest.raises(LabError, match=r"give|a share is at most"):
        read(text)


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_a_clear_error(text):
    for read in (amounts.count, amounts.per_second, amounts.seconds, amounts.size, amounts.share):
        with suppress(LabError):
            assert 0 <= read(text) <= 1e15


@given(st.integers(1, 10**12))
def test_a_number_is_written_short_and_near(value):
    text = amounts.told(value)
    number, _, name = text.partition(" ")
    read = float(number.replace(",", "")) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[name]
    assert read == pytest.approx(value, rel=0.006)
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("value", "text"), [(3600, "1h"), (300, "5min"), (90, "90s"), (604_800, "7d"), (0.5, "0.5s")]
)
def test_a_time_is_written_as_it_can_be_read_again(value, text):
    assert amounts.told_seconds(value) == text
    assert amounts.seconds(text) == value
