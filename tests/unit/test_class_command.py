"""`lab class` before anything runs: which address it opens, and that it asks."""

import click
import pytest
from click.testing import CliRunner

from lab.cli import classroom
from lab.console.room.addresses import OwnAddress
from lab.core.errors import LabError

WIFI = OwnAddress("192.168.1.7", "192.168.1.0/24", "wlan0")
WIRE = OwnAddress("8.8.4.4", "8.8.4.0/24", "eth0")


@pytest.fixture
def chosen(monkeypatch):
    """Call what chooses the address, with these addresses and this answer; the address or error."""

    def choose(listen, there_are, answer="y\n", *, yes=False, alone=False, terminal=True):
        @click.command()
        def command():
            monkeypatch.setattr(classroom.sys.stdin, "isatty", lambda: terminal, raising=False)
            click.echo(f"opened {classroom._chosen(listen, 8080, yes, alone)}")

        monkeypatch.setattr(classroom, "own_addresses", lambda: there_are)
        monkeypatch.setattr(classroom, "say", click.echo)
        return CliRunner().invoke(command, input=answer)

    return choose


def test_addresses_are_listed_and_the_question_is_asked_once(chosen):
    done = chosen(None, [WIFI])
    assert "192.168.1.7      wlan0, network 192.168.1.0/24" in done.output
    assert "the phone's page, the vote, and their own cart" in done.output
    assert "They cannot reach the instructor's page" in done.output
    assert done.output.count("[y/N]") == 1
    assert done.output.endswith("opened 192.168.1.7\n")


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_address_stays_closed_without_a_yes(chosen, answer):
    done = chosen("192.168.1.7", [WIFI], answer)
    assert done.exit_code != 0 and "opened" not in done.output


def test_address_is_opened_without_a_question_for_yes(chosen):
    done = chosen("192.168.1.7", [WIFI, WIRE], "", yes=True)
    assert "[y/N]" not in done.output and "opened 192.168.1.7" in done.output
    assert "8.8.4.4          eth0, network 8.8.4.0/24  (not a local network" in done.output


def test_missing_terminal_needs_yes(chosen):
    done = chosen("192.168.1.7", [WIFI], terminal=False)
    assert isinstance(done.exception, LabError) and "add --yes" in str(done.exception)


def test_rehearsal_and_loopback_open_nothing_and_ask_nothing(chosen):
    for given in ({"listen": "127.0.0.1"}, {"listen": None, "alone": True}):
        done = chosen(there_are=[WIFI], answer="", **given)
        assert done.output == "opened 127.0.0.1\n"


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "224.0.0.1", "::1", "localhost", "192.168.1", "1.2.3.4; rm", "", " "]
)
def test_listen_takes_one_address_and_nothing_else(address):
    done = CliRunner().invoke(classroom.classroom, ["--listen", address], standalone_mode=False)
    assert isinstance(done.exception, click.BadParameter), done.output


def test_votes_are_printed_if_they_cannot_be_kept(tmp_path, capsys):
    with pytest.raises(LabError, match="could not be kept"):
        classroom._keep(tmp_path, lambda: "question,who")
    assert "question,who" in capsys.readouterr().out
    classroom._keep(tmp_path / "votes.csv", lambda: "a\r\nb")
    assert (tmp_path / "votes.csv").read_bytes() == b"\xef\xbb\xbfa\r\nb"
