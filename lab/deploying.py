"""`lab deploy`: the same two desks as containers, for Docker Compose or Kubernetes."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from lab import options
from lab.errors import LabError
from lab.stack import Deployment
from lab.terminal import err


@click.group()
def deploy() -> None:
    """Print what runs both desks as containers: nginx, servers of each desk, Valkey.

    nginx's configuration and the servers' environment are written by the code that writes
    the lab's own. Nothing is started: the first lines of the document say how to do that.
    `compose.yaml` and `kubernetes.yaml` beside the Dockerfile are what these commands print.
    """


def _command(name: str, what: str, text_of: Callable[[Deployment], str]) -> None:
    @deploy.command(name, help=what)
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
    def command(image: str | None, out: Path | None, force: bool, **settings: Any) -> None:
        image = f"two-desks:{version('two-desks')}" if image is None else image
        text = text_of(Deployment(image, **settings))
        if out is None:
            click.echo(text, nl=False)
        else:
            _write(out, text, "w" if force else "x")


_command(
    "compose",
    "Print compose.yaml: `docker compose up --build --wait` runs it.",
    Deployment.compose,
)
_command(
    "kubernetes",
    "Print a Kubernetes manifest: `kubectl apply -f` runs it, once the image and a key are there.",
    Deployment.kubernetes,
)


def _write(path: Path, text: str, mode: str) -> None:
    try:
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise LabError(f"{path} is there already: say --force to write over it") from None
    except (OSError, ValueError) as error:
        raise LabError(f"cannot write {path}: {error}; choose another --out") from None
    err.print(f"written: {path}", soft_wrap=True, markup=False)
