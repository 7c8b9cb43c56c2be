"""Amounts as people write them: read strictly, written short."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core import units
from lab.core.errors import LabError

GIB = 2**30


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.count, "50M", 50_000_000),
        (units.count, "1.5k", 1500),
        (units.count, "2000", 2000),
        (units.count, "1000G", 10**12),
        (units.per_second, "20/day", 20 / 86_400),
        (units.per_second, "3/h", 3 / 3600),
        (units.per_second, "6/min", 0.1),
        (units.per_second, "10/s", 10),
        (units.per_second, "0.5k/d", 500 / 86_400),
        (units.seconds, "1h", 3600),
        (units.seconds, "7d", 604_800),
        (units.seconds, "1.5min", 90),
        (units.size, "16GiB", 16 * GIB),
        (units.size, "1.25GB", 1.25e9),
        (units.share, "80%", 0.8),
        (units.share, "0", 0),
        (units.share, "1", 1),
        (units.factor, "2.5", 2.5),
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
        units.count,
        units.seconds,
        units.size,
        units.share,
        units.factor,
        lambda text: units.per_second(f"{text}/day"),
        lambda text: units.per_second(f"20/{text}"),
    ],
)
def test_hostile_amounts_get_a_clear_error(read, text):
    with pytest.raises(LabError, match="give") as error:
        read(text)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (units.count, "0"),
        (units.count, "0.5"),
        (units.count, "1.0001k"),
        (units.count, "1001G"),
        (units.per_second, "20"),
        (units.per_second, "20/fortnight"),
        (units.per_second, "20/day/day"),
        (units.per_second, "/day"),
        (units.per_second, "0/s"),
        (units.per_second, "1001/s"),
        (units.seconds, "0s"),
        (units.seconds, "60"),
        (units.seconds, "3651d"),
        (units.size, "1B"),
        (units.size, "1gb"),
        (units.size, "1001TB"),
        (units.share, "101%"),
        (units.share, "1.01"),
        (units.factor, "0.9"),
        (units.factor, "1001"),
    ],
)
def test_what_is_out_of_range_gets_a_clear_error(read, text):
    with pytest.raises(LabError, match=r"give|a share is at most"):
        read(text)


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_a_clear_error(text):
    for read in (units.count, units.per_second, units.seconds, units.size, units.share):
        with suppress(LabError):
            assert 0 <= read(text) <= 1e15


@given(st.integers(1, 10**12))
def test_a_number_is_written_short_and_near(value):
    text = units.told(value)
    number, _, name = text.partition(" ")
    read = float(number.replace(",", "")) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[name]
    assert read == pytest.approx(value, rel=0.006)
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("value", "text"), [(3600, "1h"), (300, "5min"), (90, "90s"), (604_800, "7d"), (0.5, "0.5s")]
)
def test_a_time_is_written_as_it_can_be_read_again(value, text):
    assert units.told_seconds(value) == text
    assert units.seconds(text) == value
