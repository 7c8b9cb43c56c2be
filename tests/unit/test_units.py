"""Amounts as people write them: read strictly, written short, and read back."""

from contextlib import suppress

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cli import param_types
from lab.cli.main import cli
from lab.core import units
from lab.core.errors import LabError

GIB = 2**30
READERS = [
    units.parse_count,
    units.parse_duration,
    units.parse_rate,
    units.parse_size,
    units.parse_share,
    units.parse_factor,
]


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.parse_count, "50M", 50_000_000),
        (units.parse_count, "1.5k", 1500),
        (units.parse_count, "2000", 2000),
        (units.parse_count, "1000G", 10**12),
        (units.parse_rate, "20/day", 20 / 86_400),
        (units.parse_rate, "3/h", 3 / 3600),
        (units.parse_rate, "6/min", 0.1),
        (units.parse_rate, "90/m", 1.5),
        (units.parse_rate, "300/s", 300),
        (units.parse_rate, "300", 300),
        (units.parse_rate, "18000/min", 300),
        (units.parse_rate, "0.5k/d", 500 / 86_400),
        (units.parse_rate, "1M/s", 1e6),
        (units.parse_duration, "500ms", 0.5),
        (units.parse_duration, "30s", 30),
        (units.parse_duration, "30", 30),
        (units.parse_duration, ".5", 0.5),
        (units.parse_duration, " 3s\n", 3),
        (units.parse_duration, "1.5m", 90),
        (units.parse_duration, "1.5min", 90),
        (units.parse_duration, "1h", 3600),
        (units.parse_duration, "7d", 604_800),
        (units.parse_duration, "0", 0),
        (units.parse_duration, "0.000001s", 1e-6),
        (units.parse_size, "16GiB", 16 * GIB),
        (units.parse_size, "1.25GB", 1.25e9),
        (units.parse_size, "50M", 50e6),
        (units.parse_size, "2T", 2e12),
        (units.parse_share, "80%", 0.8),
        (units.parse_share, "0", 0),
        (units.parse_share, "1", 1),
        (units.parse_factor, "2.5", 2.5),
    ],
)
def test_amounts_are_read(read, text, value):
    assert read(text) == pytest.approx(value, rel=1e-12)


HOSTILE = (
    "", " ", "-1", "+1", "- 1", "nan", "NaN", "nans", "inf", "-inf", "infs", "1e400", "1e999s",
    "1e3", "٣", "٣s", "１２", "1,000", "1_000", "0x10", "1 Ms", "1.", "1.s", "1.2.3", ".", "M", "s",
    "9" * 16, "9" * 5000, "9" * 5000 + "s", "1\x00", "1\x00s", "1\ns", "1s\n2s", "1s1s", "∞", "1Q",
    "½", "\x1b[2J3s", "\u202e3s", "0.0000000001", "None", "%s", "{0}s", "30 fortnights", "//",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "read",
    [
        *READERS,
        lambda text: units.parse_rate(f"{text}/day"),
        lambda text: units.parse_rate(f"20/1{text}"),
    ],
)
def test_hostile_amount_gets_one_short_printable_line(read, text):
    with pytest.raises(LabError, match="give") as error:
        read(text)
    message = str(error.value)
    assert len(message) < 200 and message.isprintable()


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (units.parse_count, "0"),
        (units.parse_count, "0.5"),
        (units.parse_count, "1.0001k"),
        (units.parse_count, "1001G"),
        (units.parse_rate, "20/fortnight"),
        (units.parse_rate, "20/ms"),
        (units.parse_rate, "20/"),
        (units.parse_rate, "20/day/day"),
        (units.parse_rate, "/day"),
        (units.parse_rate, "0/s"),
        (units.parse_rate, "1000001/s"),
        (units.parse_duration, "3651d"),
        (units.parse_duration, "1/s"),
        (units.parse_size, "1B"),
        (units.parse_size, "1gb"),
        (units.parse_size, "1001TB"),
        (units.parse_share, "101%"),
        (units.parse_share, "1.01"),
        (units.parse_factor, "0.9"),
        (units.parse_factor, "1001"),
    ],
)
def test_amount_out_of_range_gets_a_clear_error(read, text):
    with pytest.raises(LabError, match="give"):
        read(text)


def test_limits_of_a_duration_are_written_as_a_user_writes_them():
    with pytest.raises(LabError, match=r"'2d': give at least 500ms and at most 1d"):
        units.parse_duration("2d", least_s=0.5, most_s=86_400)


def test_rate_that_needs_a_unit_refuses_a_plain_number():
    assert units.parse_rate("20/s", needs_unit=True) == 20
    with pytest.raises(LabError, match="'20': give a rate"):
        units.parse_rate("20", needs_unit=True)
    with pytest.raises(LabError, match="at most 1000/s"):
        units.parse_rate("1001/s", most_per_s=1000)


@given(st.text(max_size=12))
def test_text_is_an_amount_or_a_clear_error(text):
    for read in READERS:
        with suppress(LabError):
            assert 0 <= read(text) <= 1e15


@given(st.integers(1, 10**12))
def test_number_is_written_short_and_near(value):
    text = units.format_number(value)
    number, _, name = text.partition(" ")
    read = float(number.replace(",", "")) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[name]
    assert read == pytest.approx(value, rel=0.006)
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (units.format_duration, 3600, "1h"),
        (units.format_duration, 300, "5min"),
        (units.format_duration, 90, "90s"),
        (units.format_duration, 1.5, "1.5s"),
        (units.format_duration, 604_800, "7d"),
        (units.format_duration, 0.5, "500ms"),
        (units.format_duration, 0.0, "0s"),
        (units.format_rate, 300, "300/s"),
        (units.format_rate, 1e6, "1000000/s"),
        (units.format_rate, 0.1, "6/min"),
        (units.format_rate, 20 / 86_400, "20/day"),
        (units.format_size, 32 * GIB, "32GiB"),
        (units.format_size, 1.25e9, "1.25GB"),
        (units.format_size, 512e6, "512MB"),
        (units.format_share, 0.6, "60%"),
        (units.format_share, 0.125, "12.5%"),
    ],
)
def test_amount_is_written_as_a_user_writes_it(write, value, text):
    assert write(value) == text


WRITERS = [
    (units.format_duration, units.parse_duration, st.floats(0.001, units.MOST_S)),
    (units.format_duration, units.parse_duration, st.integers(0, 3650 * 86_400)),
    (units.format_rate, units.parse_rate, st.floats(1e-6, 1e6)),
    (units.format_size, units.parse_size, st.integers(10**6, 10**15)),
    (units.format_share, units.parse_share, st.floats(0, 1)),
]


@pytest.mark.parametrize(("write", "read", "values"), WRITERS)
@given(data=st.data())
def test_amount_that_is_written_is_read_back(write, read, values, data):
    value = data.draw(values)
    assert read(write(value)) == pytest.approx(value, rel=1e-6, abs=1e-9)


# --- on the command line

WRITTEN = {  # as people write them, and what each is
    "DURATION": {
        "500ms": 0.5, "30s": 30, "30": 30, "1.5m": 90, "1.5min": 90, "5min": 300, "1h": 3600,
        "7d": 604_800,
    },
    "TARGET@TIME": {f"B@{text}": text for text in ("500ms", "30s", "1.5m", "5min", "1h", "7d")},
    "RATE": {"20/day": 20 / 86_400, "300/s": 300, "18000/min": 300, "3/h": 3 / 3600},
    "SIZE": {"16GiB": 16 * GIB, "50M": 50e6, "512MB": 512e6, "2G": 2e9, "1.25GB": 1.25e9},
    "SHARE": {"80%": 0.8, "0.8": 0.8},
    "FACTOR": {"3": 3, "2.5": 2.5},
    "PRICE": {"0.04": 0.04},
    "COUNT": {"5k": 5000, "1.5k": 1500, "5000": 5000, "2": 2},
}  # fmt: skip


def every_option(command=cli, name="lab"):
    """Yield each option of each command, with the words that it is called by."""
    for each in command.params:
        if isinstance(each, click.Option):
            yield f"{name} {max(each.opts, key=len)}", each
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            yield from every_option(command.get_command(context, word), f"{name} {word}")


OPTIONS = dict(every_option())


def of_type(*names):
    return {words: each for words, each in OPTIONS.items() if each.type.name in names}


@pytest.mark.parametrize("words", of_type(*WRITTEN.keys() - {"COUNT"}))
def test_option_takes_each_way_to_write_its_amount(words):
    option = OPTIONS[words]
    for text, value in WRITTEN[option.type.name].items():
        read = option.type.convert(text, option, None)
        if option.type.name == "TARGET@TIME":
            assert read.at_s == units.parse_duration(value)
        else:
            assert read == pytest.approx(value), text


@pytest.mark.parametrize("words", of_type("COUNT"))
def test_option_of_a_number_takes_thousands_up_to_its_limit(words):
    option = OPTIONS[words]
    most = getattr(option.type, "max", None) or units.MOST_USERS
    for text, value in WRITTEN["COUNT"].items():
        if value <= most:
            assert option.type.convert(text, option, None) == value
        else:
            with pytest.raises(click.BadParameter, match=f"{value} is not in the range"):
                option.type.convert(text, option, None)
    for text in ("1.0001k", "k", "9" * 5000, "5 thousand", "٣"):
        with pytest.raises(click.BadParameter, match="give a"):
            option.type.convert(text, option, None)


@pytest.mark.parametrize("words", of_type("DURATION", "SIZE"))
@pytest.mark.parametrize("text", ["nan", "-1s", "1e9", "9" * 5000, "11y", "100000d", "9999TB"])
def test_option_refuses_what_is_no_amount_and_what_nothing_can_hold(words, text):
    option = OPTIONS[words]
    with pytest.raises(click.BadParameter, match=r"give (a duration|a size|at least)"):
        option.type.convert(text, option, None)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        *(("lab check --timeout", "DURATION"), ("lab run --max-seconds", "DURATION")),
        *(("lab demo --deployment-wait", "DURATION"), ("lab plan --tls-handshake", "DURATION")),
        *(("lab grade --max-memory", "SIZE"), ("lab plan --network-per-machine", "SIZE")),
        *(("lab crowd --shoppers", "COUNT"), ("lab check --max-requests", "COUNT")),
        *(("lab run --crowd", "COUNT"), ("lab plan --users", "COUNT")),
        *(("lab plan --actions-per-visit", "COUNT"), ("lab crowd --rate", "RATE")),
    ],
)
def test_option_of_an_amount_has_its_type(words, kind):
    assert OPTIONS[words].type.name == kind


def test_option_that_is_a_plain_number_counts_nothing():
    """A seed and a port are names; every other whole number is a count."""
    plain = {words.split()[-1] for words in of_type("integer", "integer range", "float")}
    assert plain == {"--seed", "--port", "--phone-port"}


def test_amount_in_the_help_of_an_option_is_one_that_it_takes():
    """Such as `60s` in "[default: 60s]": nobody is shown what is refused."""
    for option in of_type(*WRITTEN).values():
        if isinstance(option.default, str):
            option.type.convert(option.default, option, None)


def test_duration_of_nothing_is_refused_where_it_makes_no_sense():
    with pytest.raises(click.BadParameter, match="at least 1ms"):
        param_types.DURATION.convert("0", None, None)
    assert param_types.duration(least_s=0).convert("0", None, None) == 0
