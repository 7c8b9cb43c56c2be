"""The options of `lab check` that go with an OpenAPI document."""

import click
import pytest
from click.testing import CliRunner

from lab.cli.check_openapi import openapi_options


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("LAB_KEY", "s3cret=:value")
    monkeypatch.delenv("LAB_NO_KEY", raising=False)
    given = {}

    @click.command()
    @openapi_options
    def command(openapi_file, openapi_settings):
        given["settings"] = openapi_settings
        return 0

    def run(*words):
        return CliRunner().invoke(command, words), given.get("settings")

    return run


def test_values_come_from_the_command_line_and_the_environment(run):
    words = ("--auth", "key=${LAB_KEY}", "--send", "X-Tenant: a:b", "--field", "user=ada=x")
    ended, settings = run("--openapi", "x.json", "--base-path", "/v1/", *words)
    assert ended.exit_code == 0, ended.output
    assert settings.credentials == {"key": "s3cret=:value"}
    assert settings.headers == (("X-Tenant", "a:b"),)
    assert settings.fields == {"user": "ada=x"}
    assert settings.base_path == "/v1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--auth", "key"), "write NAME=VALUE"),
        (("--send", ": x"), "write NAME:VALUE"),
        (("--field", "a=${LAB_NO_KEY}"), "no variable LAB_NO_KEY: export it"),
        (("--base-path", "v1"), "begins with /"),
    ],
)
def test_wrong_option_is_refused_with_what_to_write(run, words, said):
    ended, _ = run("--openapi", "x.json", *words)
    assert ended.exit_code == 2 and said in ended.output


def test_options_without_a_document_are_refused(run):
    ended, _ = run("--field", "a=b")
    assert ended.exit_code == 2 and "--openapi FILE" in ended.output


def test_no_base_path_at_all_can_be_asked_for(run):
    assert run("--openapi", "x.json", "--base-path", "/")[1].base_path == ""
