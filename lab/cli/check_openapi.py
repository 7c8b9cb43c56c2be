"""The options of `lab check` that go with an OpenAPI document."""

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_ENV_VARIABLE = re.compile(r"\$\{(\w+)\}")
FROM_ENV = "${NAME} in it is read from the environment."
AT_HOME = "goes with --openapi FILE"


def openapi_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add --openapi and its options; the command gets `openapi_file` and `openapi_settings`."""

    @functools.wraps(function)
    def command(
        *given: Any,
        openapi_file: Path | None,
        base_path: str | None,
        auth: tuple[str, ...],
        send: tuple[str, ...],
        field: tuple[str, ...],
        **others: Any,
    ) -> int:
        from lab.check.sources.settings import OpenApiSettings  # `--help` needs none of it

        settings = OpenApiSettings(
            headers=tuple(_pair("--send", each, ":") for each in send),
            credentials=dict(_pair("--auth", each, "=") for each in auth),
            fields=dict(_pair("--field", each, "=") for each in field),
            base_path=_base_path(base_path),
        )
        headers = settings.headers if others.get("mcp") else ()  # these go with --mcp, too
        if openapi_file is None and settings != OpenApiSettings(headers):
            raise click.UsageError(f"--base-path, --auth, --send and --field: each {AT_HOME}")
        return function(*given, openapi_file=openapi_file, openapi_settings=settings, **others)

    for add in reversed(_OPTIONS):
        command = add(command)
    return command


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--openapi",
        "openapi_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Make a conversation from an OpenAPI 3 or Swagger 2 document, JSON or YAML.",
    ),
    click.option(
        "--base-path",
        metavar="PATH",
        help="Path before every path of the OpenAPI document, instead of its own; / for none.",
    ),
    click.option(
        "--auth",
        multiple=True,
        metavar="SCHEME=VALUE",
        help="Credential of a security scheme of the OpenAPI document: a key, a token, or "
        f"USER:PASSWORD. {FROM_ENV}",
    ),
    click.option(
        "--send",
        multiple=True,
        metavar="NAME:VALUE",
        help=f"Header that each call of --openapi or --mcp sends. {FROM_ENV}",
    ),
    click.option(
        "--field",
        multiple=True,
        metavar="NAME=VALUE",
        help="Value of the fields and parameters of this name in the OpenAPI document, such as "
        f"username=ada. {FROM_ENV}",
    ),
)


def _pair(option: str, text: str, between: str) -> tuple[str, str]:
    name, found, value = text.partition(between)
    name = name.strip()
    if not (name and found):
        raise click.UsageError(f"{option} {text!r}: write NAME{between}VALUE")
    return name, _ENV_VARIABLE.sub(lambda match: _from_env(option, match[1]), value.strip())


def _from_env(option: str, name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise click.UsageError(f"{option}: the environment has no variable {name}: export it")
    return value


def _base_path(path: str | None) -> str | None:
    if path is None:
        return None
    if not path.startswith("/"):
        raise click.UsageError(f"--base-path {path!r}: give a path that begins with /")
    return path.rstrip("/")
