"""`lab demo`: the crash experiment with one customer, so that every step can be read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from lab.cli import options, stack_options
from lab.cli.output import say
from lab.core.text import counted

if TYPE_CHECKING:
    from lab.evidence.result import Variant
    from lab.stack.deployment import Deployment

_TRY_NEXT = """
Try next
  lab run crash --store redis   the sessions move to a store; so does the risk
  lab run any-server            no crash at all, only another server
  lab show crash                the script that just ran
  lab diff                      the two desks' code"""


@click.command()
@stack_options.settings
@stack_options.tls
@stack_options.deployment
@options.out
def demo(out: Path, deployment: "Deployment", **settings: Any) -> int:
    """Show the crash step by step: a server is killed, and a customer asks for the cart.

    The same script runs at both desks. To keep the sessions somewhere else, try
    `lab demo --store redis`.

    Exit status:
      0    every expectation was met
      1    an expectation was not met
      2    wrong usage, or the lab could not start
      3    too little evidence: a verdict is unknown
      130  stopped by Ctrl-C
    """
    from lab import experiments
    from lab.cli.perform import RunOptions, perform, variants_of_both_desks

    variants = variants_of_both_desks(deployment, settings)
    say(
        Text.assemble(
            ("Two Desks: the crash", "bold"),
            "\nJohn buys a laptop. The server that served him is killed. He asks for his cart.\n"
            f"The same script at {_desks(variants)}, behind nginx.\n",
        )
    )
    crash = replace(experiments.find("crash"), customers=1)
    status = perform([crash], lambda _: variants, RunOptions(out, deployment=deployment))
    say(_TRY_NEXT)
    return status


def _desks(variants: Sequence["Variant"]) -> str:
    if variants[0].server_urls:
        return " and ".join(f"the {each.app} desk ({_servers(each)})" for each in variants)
    return f"both desks, {_servers(variants[0])} each"


def _servers(variant: "Variant") -> str:
    return counted(variant.settings.servers, "server")


COMMANDS = (demo,)
