"""`lab grade`: submissions of students, one after another, each confined; tables and files."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from lab.cli import kept, options
from lab.cli.output import EXIT_INTERRUPTED, err, progress, say, screen, write_json
from lab.cli.param_types import SIZE, WAITING_TIME
from lab.core.errors import LabError
from lab.core.json_object import json_text
from lab.core.text import visible

if TYPE_CHECKING:
    from lab.exercises.exercise import Exercise
    from lab.exercises.grading import Grader, Submission

WAKE_S = 0.5

_folder = click.Path(exists=True, file_okay=False, path_type=Path)
_submission = click.Path(exists=True, path_type=Path)  # a file is left out later, with a warning
_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("folders", nargs=-1, type=_submission, metavar="FOLDER...")
@click.option(
    "--exercise",
    "name",
    metavar="NAME",
    help="Exercise of the submissions.  [default: from their exercise.json]",
)
@click.option(
    "--from",
    "source",
    type=_folder,
    metavar="DIR",
    help="Take the exercise of this folder instead of those that come with the lab.",
)
@click.option(
    "--start",
    "command",
    metavar="COMMAND",
    help="Command that starts a submission.  [default: from its exercise.json, or the exercise's]",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="Repeat an earlier grading."
)
@click.option(
    "--max-seconds",
    default="2min",
    show_default=True,
    type=WAITING_TIME,
    help="Stop a submission after this time.",
)
@click.option(
    "--max-memory",
    default="1GiB",
    show_default=True,
    type=SIZE,
    help="Stop a submission whose processes together use more memory.",
)
@options.number("--jobs", 1, 64, 1, "How many submissions are graded at once.")
@click.option("--csv", "csv_file", type=_file, help="Write a table for a spreadsheet.")
@click.option("--junit", "junit_file", type=_file, help="Write JUnit XML.")
@click.option(
    "--gradescope", "gradescope_file", type=_file, help="Write the results.json of Gradescope."
)
@click.option(
    "--classroom50", "classroom_file", type=_file, help="Write the result.json of Classroom 50."
)
@click.option(
    "--gradescope-zip",
    "zip_file",
    type=_file,
    help="Write an autograder for Gradescope, and grade nothing.",
)
@click.option(
    "--workflow",
    "workflow_file",
    type=_file,
    help="Write a GitHub workflow for a student's repository, and grade nothing.",
)
@options.as_json
def grade(
    folders: tuple[Path, ...],
    name: str | None,
    source: Path | None,
    command: str | None,
    seed: int | None,
    max_seconds: float,
    max_memory: float,
    jobs: int,
    csv_file: Path | None,
    junit_file: Path | None,
    gradescope_file: Path | None,
    classroom_file: Path | None,
    zip_file: Path | None,
    workflow_file: Path | None,
    as_json: bool,
) -> int:
    """Grade the submissions in these folders, one after another.

    Each is copied and checked in a process of its own, with the hidden checks and limits of time
    and memory. On Linux it can reach this machine, but not the network. A submission that
    crashes, loops or deletes its files gets its verdict, and the next one follows. It runs with
    your rights: it can read and write your files. Grade strangers' work in a container.

    Examples:
      lab grade handed-in/*           exercise.json says which exercise it is
      lab grade --exercise punch-card handed-in/*
      lab grade --exercise punch-card handed-in/* --csv grades.csv
      lab grade --exercise punch-card --gradescope-zip autograder.zip

    Exit status:
      0    every submission was graded, whatever its points
      2    wrong usage
      3    a submission was stopped, or its checks ended early
      130  stopped by Ctrl-C
    """
    from lab.exercises import formats
    from lab.exercises.checking import new_seed
    from lab.exercises.exercise import find
    from lab.exercises.folder import EXERCISE_FILE
    from lab.exercises.grading import GradeLimits, Grader, common_exercise, require_submission

    single = [each for each in (gradescope_file, classroom_file) if each]
    if zip_file or workflow_file:
        if not name or folders:
            raise click.UsageError(
                "--gradescope-zip and --workflow need --exercise, and take no folder"
            )
        _write_autograders(find(name, source), zip_file, workflow_file, command or "")
        return 0
    folders = tuple(each for each in folders if _is_folder(each))
    if not folders:
        raise click.UsageError("name the folders of the submissions")
    if single and len(folders) != 1:
        raise click.UsageError("--gradescope and --classroom50 are for one folder at a time")
    if command is not None and "{port}" not in command:
        raise LabError(f"--start {command!r} has no {{port}}: write it where the port belongs")
    if len(folders) == 1 and not single:
        require_submission(folders[0], [EXERCISE_FILE])
    exercise = find(name or common_exercise(folders), source)
    limits = GradeLimits(max_seconds, int(max_memory))
    grader = Grader(exercise, new_seed() if seed is None else seed, command or "", limits)
    if classroom_file:
        formats.require_runner()
    kept.require_writable(csv_file, junit_file, *single)
    graded, status = _grade_all(grader, folders, jobs, quiet=as_json)
    _show(grader, graded, as_json=as_json)
    if csv_file:
        kept.write(csv_file, formats.as_csv(graded))
    if junit_file:
        kept.write(junit_file, formats.as_junit(graded))
    if graded and gradescope_file:
        kept.write(gradescope_file, json_text(formats.gradescope(graded[0].result)))
    if graded and classroom_file:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        kept.write(classroom_file, json_text(formats.classroom50(graded[0].result, now)))
    return status or (3 if any(each.result.trouble for each in graded) else 0)


def _is_folder(path: Path) -> bool:
    """Return True if a path can be a submission; print on stderr that a file is left out."""
    if path.is_dir():
        return True
    said = (
        f"! {visible(path)} is not a folder, so it is not graded (if it is a submission, unpack it)"
    )
    err.print(Text(said, "yellow"), soft_wrap=True)
    return False


def _write_autograders(
    exercise: "Exercise", zip_file: Path | None, workflow_file: Path | None, command: str
) -> None:
    from lab.exercises.autograder import workflow, write_zip

    if zip_file:
        write_zip(exercise, zip_file, command)
        say(f"written: {zip_file}\nupload it as the autograder, with the base image Ubuntu 24.04")
    if workflow_file:
        kept.write(workflow_file, workflow(exercise, command))
        say(f"written: {workflow_file}\nput it into .github/workflows of the students' repository")


def _grade_all(
    grader: "Grader", folders: Sequence[Path], jobs: int, *, quiet: bool
) -> tuple[list["Submission"], int]:
    """Grade each folder; at Ctrl-C return those that were graded."""
    from concurrent.futures import Future, ThreadPoolExecutor, wait

    from lab.exercises.grading import names_of

    # In threads of their own, where no Ctrl-C cuts anything in half.
    with progress(quiet=quiet) as show, ThreadPoolExecutor(jobs, "grade") as graders:
        within = show if err.is_terminal else lambda line: None

        def grade(folder: Path, name: str) -> "Submission":
            show(name)
            return grader.grade(folder, name, within)

        asked: list[Future[Submission]] = []
        graded: list[Submission] = []
        status = 0
        try:
            for folder, name in zip(folders, names_of(folders), strict=True):
                asked.append(graders.submit(grade, folder, name))
            # Short waits: a Ctrl-C that comes just before a wait does not interrupt it.
            while wait(asked, WAKE_S).not_done:
                pass
            graded += [each.result() for each in asked]
        except KeyboardInterrupt:
            grader.stop()
            graders.shutdown(cancel_futures=True)
            ended = [each.result() for each in asked if not each.cancelled()]
            graded = [each for each in ended if not each.cut_short]
            status = EXIT_INTERRUPTED
        show("")
    if status:
        said = f"lab: stopped; {len(graded)} of {len(folders)} are graded"
        err.print(Text(said), soft_wrap=True)
    return graded, status


def _show(grader: "Grader", graded: list["Submission"], *, as_json: bool) -> None:
    from lab.cli import grade_view

    if as_json:
        write_json(json_text([grade_view.listed(each) for each in graded]))
        return
    screen.print(grade_view.table(graded))
    for line in grade_view.closing(grader, graded):
        say(line)


COMMANDS = (grade,)
