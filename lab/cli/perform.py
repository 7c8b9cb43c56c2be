"""Runs experiments for a user at a terminal: predictions, progress, results, exit status."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from lab.cli.output import (
    EXIT_INTERRUPTED,
    err,
    progress,
    screen,
    stdout_to_stderr,
    write_json,
)
from lab.core.run_folder import new_run_folder
from lab.evidence.result import Prediction, Settings, Variant
from lab.evidence.run_document import exit_status
from lab.experiments import CONFIDENCE, Experiment, Question
from lab.experiments.matrix import two_desks
from lab.experiments.provision import balanced, deployed
from lab.experiments.runner import Run
from lab.experiments.script_run import stopped_at
from lab.report.terminal import (
    as_a_page_line,
    experiment_view,
    kept_line,
    predictions_view,
    verdicts_table,
)
from lab.stack.deployment import Deployment


@dataclass(frozen=True)
class RunOptions:
    """What was asked for besides the experiments and their variants."""

    root: Path
    as_json: bool = False
    as_suite: bool = False
    predict: bool = False
    quick: bool = False
    seed: int = 0
    crowd: int = 0
    max_seconds: float | None = None
    deployment: Deployment = field(default_factory=Deployment)


def variants_of_both_desks(
    deployment: Deployment, settings: Mapping[str, Any], declared: Sequence[Variant] = ()
) -> Sequence[Variant]:
    """Return a variant for each desk with these settings, or for each desk of a deployment.

    What an experiment's `declared` variants want of nginx alone (a cache, a log), they get.
    """
    wanted = Settings(**settings)
    if deployment:
        return deployed(wanted, deployment, declared)
    return tuple(balanced(two_desks(wanted), declared))


def perform(
    chosen: Sequence[Experiment],
    variants_of: Callable[[Experiment], Sequence[Variant]],
    asked: RunOptions,
) -> int:
    """Run the chosen experiments, print their results, return the exit status."""
    name = "suite" if asked.as_suite else "+".join(each.name for each in chosen[:3])
    sealed = {each.name: ask(each.question) for each in chosen if asked.predict and each.question}
    # A file of a student's may print, ask and open a debugger: nothing moves beside it then.
    is_still = any(each.is_yours for each in chosen)
    with progress(quiet=asked.as_json, still=is_still) as show, ExitStack() as until_printed:
        until_printed.enter_context(stdout_to_stderr(asked.as_json))
        run = Run(
            new_run_folder(asked.root, name),
            show,
            seed=asked.seed,
            quick=asked.quick,
            crowd=asked.crowd,
            max_seconds=asked.max_seconds,
            deployment=asked.deployment,
        )
        try:
            for number, experiment in enumerate(chosen, start=1):
                show(f"{experiment.name} ({number} of {len(chosen)})")
                following = [(each, variants_of(each)) for each in chosen[number : number + 1]]
                result = run.perform(
                    experiment,
                    variants_of(experiment),
                    sealed.get(experiment.name),
                    then=next(iter(following), None),
                )
                if not asked.as_json and not asked.as_suite:
                    show("")
                    screen.print(experiment_view(result))
        except KeyboardInterrupt as stopped:
            at = stopped_at(stopped)
            err.print(f"lab: stopped{(at and f' at {at}') or ''}", soft_wrap=True)
            err.print(f"results so far: {run.folder / 'result.json'}", soft_wrap=True)
            return EXIT_INTERRUPTED
        finally:
            run.close()
            show("")
            until_printed.close()
            _print(run, asked)
    return exit_status(run.results)


def ask(question: Question) -> Prediction | None:
    """Ask for a prediction and seal it; an empty answer skips the question."""
    screen.print(Text.assemble(("\nBefore it runs: ", "bold"), question.text))
    for number, choice in enumerate(question.choices, start=1):
        screen.print(f"  {number}  {choice}")
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


def _print(run: Run, asked: RunOptions) -> None:
    if not run.results:  # nothing could start: the error says why
        return
    if asked.as_json:
        write_json(run.document())
        return
    if asked.as_suite and run.results:
        screen.print(verdicts_table(run.results))
    if any(result.prediction for result in run.results):
        screen.print(predictions_view(run.results))
    screen.print(kept_line(run.folder, run.seed, run.quick))
    for desk, servers in asked.deployment.items():
        where = ", ".join(map(str, servers))
        screen.print(f"{desk}: {where}, not started by the lab", style="dim")
    screen.print(as_a_page_line(asked.root), soft_wrap=True)
