"""The options of `lab check --mcp`: what is refused before anything is started."""

import click
import pytest
from click.testing import CliRunner

from lab.check.mcp.messages import LEGACY, MODERN
from lab.cli.check import check
from lab.cli.check_mcp import VERSIONS, McpOptions, mcp_options


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mcp", "mcp"], "give a path that begins with /"),
        (["--call", "add", "talk.py"], "belong to --mcp"),
        (["--mcp-version", "2025-11-25", "talk.py"], "belong to --mcp"),
        (["--mcp", "/mcp", "--mcp-version", "1999-01-01"], "is not one of"),
        (["--mcp", "/mcp", "--call", "=3"], "give the name of a tool"),
        (["--mcp", "/mcp", "--call", "add={"], "as a JSON object"),
        (["--mcp", "/mcp", "--call", "add=[1]"], "as a JSON object"),
        (["--mcp", "/mcp", "--call", "add=" + "[" * 100_000], "as a JSON object"),
        (["--mcp", "/mcp", "--field", "a=b"], "goes with --openapi FILE"),
        (["--send", "A: b", "talk.py"], "goes with --openapi FILE"),
        (["--mcp", "/mcp", "--send", "b"], "write NAME:VALUE"),
        (["--mcp", "/mcp", "talk.py"], "makes up its own conversation: leave out talk.py"),
    ],
)
def test_wrong_options_say_what_to_give(words, said):
    result = CliRunner().invoke(check, ["--start", "serve {port}", *words])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_headers_go_with_every_message():
    wire = McpOptions("/mcp").source((None,), (("Authorization", "Bearer x"),)).wire
    for call in (wire.initialize(0), wire.request(1, "tools/list"), wire.end("s")):
        assert ("Authorization", ("Bearer x",)) in call.headers


def test_versions_of_the_option_are_those_that_are_spoken():
    """They stand there twice, since --help imports no part of the check."""
    assert (*MODERN, *LEGACY) == VERSIONS


def test_path_version_and_tools_are_taken():
    seen = []

    @click.command()
    @mcp_options
    def command(mcp):
        seen.append(mcp)

    for words in (
        ["--mcp"],
        ["--mcp", "/api", "--mcp-version", "2025-06-18", "--call", "a", "--call", 'b={"n": 1}'],
        [],
    ):
        assert CliRunner().invoke(command, words).exit_code == 0
    assert seen == [
        McpOptions("/mcp"),
        McpOptions("/api", "2025-06-18", (("a", None), ("b", {"n": 1}))),
        McpOptions(),
    ]
