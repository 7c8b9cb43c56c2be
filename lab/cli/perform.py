"""Runs experiments for somebody at a terminal: asks first, shows progress, prints the outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.markup import escape

from lab.cli.output import INTERRUPTED, err, progress, screen
from lab.core.run_folder import new_run_folder
from lab.evidence.result import Prediction, Variant
from lab.evidence.run_document import exit_status
from lab.experiments import Experiment, Question
from lab.experiments.runner import Run
from lab.report.terminal import experiment_view, predictions_view, verdicts_table
from lab.stack.upstream import Deployment

CONFIDENCE = ("guess", "fairly sure", "certain")


@dataclass(frozen=True)
class RunOptions:
    """What was asked for beside the experiments themselves."""

    root: Path
    as_json: bool = False
    as_ledger: bool = False
    predict: bool = False
    quick: bool = False
    seed: int = 0
    crowd: int = 0
    deployment: Deployment = field(default_factory=dict)


def perform(
    chosen: Sequence[Experiment],
    lanes_of: Callable[[Experiment], Sequence[Variant]],
    wish: RunOptions,
) -> int:
    """Run the chosen experiments, print what came of them, return the exit status."""
    name = "ledger" if wish.as_ledger else "+".join(each.name for each in chosen[:3])
    sealed = {each.name: ask(each.question) for each in chosen if wish.predict and each.question}
    with progress(quiet=wish.as_json) as tell:
        run = Run(
            new_run_folder(wish.root, name),
            tell,
            seed=wish.seed,
            quick=wish.quick,
            crowd=wish.crowd,
            deployment=wish.deployment,
        )
        try:
            for number, experiment in enumerate(chosen, start=1):
                tell(f"{experiment.name} ({number} of {len(chosen)})")
                following = [(each, lanes_of(each)) for each in chosen[number : number + 1]]
                result = run.perform(
                    experiment,
                    lanes_of(experiment),
                    sealed.get(experiment.name),
                    then=next(iter(following), None),
                )
                if not wish.as_json and not wish.as_ledger:
                    tell("")
                    screen.print(experiment_view(result))
        except KeyboardInterrupt:
            kept = run.folder / "result.json"
            err.print(f"lab: stopped; what was done so far is in {escape(str(kept))}")
            return INTERRUPTED
        finally:
            run.close()
            tell("")
            _print(run, wish)
    return exit_status(run.results)


def ask(question: Question) -> Prediction | None:
    """Ask for a prediction and seal it; an empty answer skips the question."""
    screen.print(f"\n[bold]Before it runs:[/] {escape(question.text)}")
    for number, choice in enumerate(question.choices, start=1):
        screen.print(f"  {number}  {escape(choice)}")
    numbers = [str(number) for number in range(1, len(question.choices) + 1)]
    answer = click.prompt(
        "Your prediction (Enter to skip)",
        type=click.Choice(["", *numbers]),
        default="",
        show_choices=False,
        show_default=False,
    )
    if not answer:
        return None
    sure = click.prompt(
        "How sure: 1 a guess, 2 fairly sure, 3 certain",
        type=click.Choice(["1", "2", "3"]),
        default="2",
        show_choices=False,
    )
    return Prediction(question.text, question.choices, int(answer) - 1, CONFIDENCE[int(sure) - 1])


def _print(run: Run, wish: RunOptions) -> None:
    if wish.as_json:
        click.echo(run.document(), nl=False)
        return
    if wish.as_ledger and run.results:
        screen.print(verdicts_table(run.results))
    if any(result.prediction for result in run.results):
        screen.print(predictions_view(run.results))
    seeded = f", seed {run.seed}" + (", quick: small n, wide intervals" if run.quick else "")
    screen.print(
        f"kept: {escape(str(run.folder))} (result.json, logs, nginx.conf{seeded})", style="dim"
    )
    for desk, servers in wish.deployment.items():
        where = ", ".join(map(str, servers))
        screen.print(f"{desk}: {escape(where)}, not started by the lab", style="dim")
    screen.print("as a page: lab report --open", style="dim")
