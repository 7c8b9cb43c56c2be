"""`lab deploy`: the same two desks as containers, for Docker Compose or Kubernetes."""

from pathlib import Path
from typing import Any

import click

from lab.cli import options
from lab.cli.output import err
from lab.core.errors import LabError


@click.group()
def deploy() -> None:
    """Print what runs both desks as containers: nginx, servers of each desk, Valkey.

    nginx's configuration and the servers' environment are written by the code that writes
    the lab's own. Nothing is started: the first lines of the document say how to do that.
    `compose.yaml` and `kubernetes.yaml` beside the Dockerfile are what these commands print.

    \b
    lab deploy compose --servers 2 --affinity cookie --out two.yaml
    lab deploy kubernetes --store memory --out mine.yaml
    """  # noqa: D301 - click reads the \b


def _command(name: str, what: str) -> None:
    @deploy.command(name, help=what, short_help=what.partition(":")[0] + ".")
    @options.servers
    @click.option(
        "--store",
        type=click.Choice(["redis", "memory"]),  # containers share no directory
        default="redis",
        show_default=True,
        help="Where the stateful desk keeps its sessions; redis: in Valkey.",
    )
    @options.affinity
    @options.retry
    @click.option("--image", help="Image of the desks.  [default: two-desks:VERSION]")
    @click.option("--out", type=click.Path(path_type=Path), help="Write to FILE, not to stdout.")
    @click.option("--force", is_flag=True, help="Write over FILE if it is there.")
    def command(out: Path | None, force: bool, **settings: Any) -> None:
        from lab.stack.container_files import (
            ContainerFiles,
        )  # templates: only who deploys pays for them

        wanted = ContainerFiles(
            **{key: value for key, value in settings.items() if value is not None}
        )
        text = wanted.compose() if name == "compose" else wanted.kubernetes()
        if out is None:
            click.echo(text, nl=False)
        else:
            _write(out, text, "w" if force else "x")


_command("compose", "Print compose.yaml: `docker compose up --build --wait` runs it.")
_command("kubernetes", "Print kubernetes.yaml: its first lines say how it is applied.")


def _write(path: Path, text: str, mode: str) -> None:
    try:
        if path.is_dir():
            raise LabError(f"{path} is a folder: name a file with --out")
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise LabError(f"{path} is there already: say --force to write over it") from None
    except OSError as error:
        raise LabError(f"cannot write {path}: {error}; choose another --out") from None
    err.print(f"written: {path}", soft_wrap=True, markup=False)


COMMANDS = (deploy,)
