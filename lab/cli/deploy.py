"""`lab deploy`: the same two desks as containers, for Docker Compose or Kubernetes."""

from pathlib import Path
from typing import Any

import click

from lab.cli import stack_options
from lab.cli.output import err, write_document
from lab.core.errors import LabError, reason
from lab.core.shell import quoted

KNOWN_TO_COMPOSE = ("compose.yaml", "compose.yml")
"""Names of files that `docker compose` finds by itself in its folder."""


@click.group()
def deploy() -> None:
    """Print a file that runs both desks as containers: nginx, servers, and Valkey.

    These files come from the same code that configures the lab's own nginx and servers. Nothing
    is started: the first lines of each file say how to start it. `compose.yaml` and
    `kubernetes.yaml` in the repository are what these commands print.

    Examples:
        lab deploy compose --servers 2 --affinity cookie --out two.yaml
        lab deploy kubernetes --store memory --out mine.yaml
    """


def _command(name: str, what: str) -> None:
    @deploy.command(name, help=what, short_help=what.partition(":")[0] + ".")
    @stack_options.servers()
    @click.option(
        "--store",
        type=click.Choice(["redis", "memory"]),  # containers share no directory
        default="redis",
        show_default=True,
        help="Where the stateful desk keeps its sessions; redis means Valkey.",
    )
    @stack_options.affinity
    @stack_options.retry
    @click.option(
        "--image", metavar="IMAGE", help="Image of the desks.  [default: two-desks:VERSION]"
    )
    @click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write to FILE, not to stdout.",
    )
    @click.option("--force", is_flag=True, help="Replace FILE if it exists.")
    def command(out: Path | None, force: bool, **settings: Any) -> None:
        from lab.stack.container_files import ContainerFiles  # loads templates

        wanted = ContainerFiles(
            **{key: value for key, value in settings.items() if value is not None}
        )
        text = wanted.compose() if name == "compose" else wanted.kubernetes()
        if out is None:
            write_document(text)
            return
        _write(out, text, "w" if force else "x")
        if name == "compose":
            named = "" if out.name in KNOWN_TO_COMPOSE else f"COMPOSE_FILE={quoted(str(out))} "
            err.print(
                f"the experiments against it: {named}lab run --all --on compose\n"
                f"which stands for:\n{named}{wanted.run_line()}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        else:
            err.print("the experiments against it: lab run --all --on kubernetes", soft_wrap=True)


_command("compose", "Print compose.yaml: `docker compose up --build --wait` starts it.")
_command("kubernetes", "Print kubernetes.yaml: its first lines say how to apply it.")


def _write(path: Path, text: str, mode: str) -> None:
    try:
        if path.is_dir():
            raise LabError(f"{path} is a folder: name a file with --out")
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise LabError(f"{path} exists already: give --force to replace it") from None
    except OSError as error:
        raise LabError(f"cannot write {path}: {reason(error)}; choose another --out") from None
    err.print(f"written: {path}", soft_wrap=True)


COMMANDS = (deploy,)
