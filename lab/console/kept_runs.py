"""The kept runs as the page shows them: which there are, what was found, and their playback."""

import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from lab.console import playback
from lab.console.playback import PlayedStep
from lab.console.provenance import Provenance, provenance, title
from lab.console.run_outline import ExperimentOutline, VariantOutline, outline_of, variant_outline
from lab.core.errors import LabError, reason
from lab.core.nearest import nearest
from lab.core.run_folder import RUN_FOLDER_NAME, entries_of
from lab.core.shell import quoted
from lab.core.text import one_line
from lab.evidence.run_document import ExperimentResult, RunDocument
from lab.report.drawing import sequence_svg
from lab.report.saved import load
from lab.report.sequence import story_of
from lab.shop.desks import DESKS

MOST_RUNS = 200


class RunListed(msgspec.Struct, frozen=True):
    """A run in the list; `began` is local time: "2026-11-24T07:55:35"."""

    name: str
    experiments: list[str]
    began: str


class RunList(msgspec.Struct, frozen=True):
    """The runs that are kept."""

    runs: list[RunListed]


class RunOutline(msgspec.Struct, frozen=True):
    """What a run found, without its requests."""

    name: str
    experiments: list[ExperimentOutline]


class Playback(msgspec.Struct, frozen=True):
    """Two variants of an experiment as the events of a stage, to be shown step by step.

    `sequence` is an SVG a desk.
    """

    name: str
    experiment: ExperimentOutline
    left: VariantOutline | None
    right: VariantOutline | None
    events: list[Mapping[str, object]]
    steps: list[PlayedStep]
    sequence: dict[str, str]
    provenance: Provenance


class KeptRuns:
    """The folders of runs below `root`. Nothing outside of it is read, whatever a name says."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._reading = threading.Lock()
        self._read: tuple[tuple[Path, int, int], RunDocument] | None = (
            None  # the last one, to be quick
        )

    def list(self) -> RunList:
        """Return the runs, newest first, at most 200.

        What ran and when is taken from the folder's name: no document is opened. A run without
        a result.json is left out.
        """
        runs = [_listed(self._root / name) for name in self._names()]
        runs.sort(key=lambda run: (run.began, run.name), reverse=True)
        return RunList(runs[:MOST_RUNS])

    def outline(self, name: str) -> RunOutline:
        """Return what the run found; LabError if there is no such run, or none that can be read."""
        folder, document = self._open(name)
        return RunOutline(folder, [outline_of(each) for each in document.experiments])

    def playback(
        self,
        name: str,
        index: int,
        left: str | None = None,
        right: str | None = None,
        full: int = playback.MOST_PLAYED_IN_FULL,
    ) -> Playback:
        """Return one experiment of a run, two of its variants as the events of a stage.

        `left` and `right` name variants, by default the first of each desk; the first `full`
        exchanges of each have their bytes. LabError as in `outline`, and for an experiment or
        a variant that the run does not have.
        """
        folder, document = self._open(name)
        experiments = document.experiments
        if not 0 <= index < len(experiments):
            raise LabError(f"the run {folder} has no experiment {index}: it has {len(experiments)}")
        try:
            return self._played(folder, document, experiments[index], (left, right), full)
        except RecursionError:
            why = "it is nested too deeply"
            raise LabError(f"the run {folder} is damaged: {why}; run it again") from None

    def _played(
        self,
        run: str,
        document: RunDocument,
        experiment: ExperimentResult,
        wanted: tuple[str | None, str | None],
        full: int,
    ) -> Playback:
        variants = {
            desk: playback.chosen(experiment, name, desk)
            for desk, name in zip(DESKS, wanted, strict=True)
        }
        names = [each.name if each else None for each in variants.values()]
        shown = [variant_outline(each) if each else None for each in variants.values()]
        components = document.components
        store = title(components.store)
        played = playback.play(experiment, *names, store_program=store, full=full)
        return Playback(
            run,
            outline_of(experiment),
            shown[0],
            shown[1],
            [each.json() for each in played.events],
            played.steps,
            {desk: sequence_svg(story_of(each)) if each else "" for desk, each in variants.items()},
            provenance(
                _listed(self._root / run).began,
                components,
                f"lab run {quoted(one_line(experiment.argument or experiment.name))}",
            ),
        )

    def _names(self) -> set[str]:
        """The names of the folders that hold a result.json of their own."""
        entries = entries_of(self._root)
        root = self._root.resolve()
        return {
            entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False)
            and _is_plain_file(Path(entry.path) / "result.json", root)
        }

    def _open(self, name: str) -> tuple[str, RunDocument]:
        """Return the folder's name and the document; who asks must not change it."""
        folder = _latest(self._root) if name == "latest" else name
        if folder not in (names := self._names()):
            raise LabError(f"no run {one_line(name, 60)!r} is kept here: {_meant(name, names)}")
        path = self._root / folder / "result.json"
        with self._reading:
            try:
                found = path.stat()
                key = (path, found.st_mtime_ns, found.st_size)
                if self._read is None or self._read[0] != key:
                    # By its absolute path: a name would be looked for elsewhere first.
                    self._read = (key, load(str(path.absolute()), self._root).document)
            except (LabError, OSError) as error:
                # The page need not know where this machine keeps it.
                why = reason(error).replace(str(path.absolute()), f"{folder}/result.json")
                raise LabError(one_line(why, 300)) from None
            return folder, self._read[1]


def _meant(name: str, names: set[str]) -> str:
    """Return a hint for a name that no run has: the newest run that it may mean."""
    newest_first = sorted(names, reverse=True)
    stems = {each: RUN_FOLDER_NAME.fullmatch(each) for each in reversed(newest_first)}
    by_what = {stem[2]: each for each, stem in stems.items() if stem}
    near = nearest(name[:60], newest_first, by_what)
    return f"did you mean {near!r}?" if near else "`lab runs` lists them"


def _is_plain_file(path: Path, root: Path) -> bool:
    # No pipe, which would be waited for; no link that leads away.
    return path.is_file() and path.resolve().is_relative_to(root)


def _latest(root: Path) -> str:
    """Return the name that `latest` points at: a link, or a text file where links need a right."""
    latest = root / "latest"
    try:
        if latest.is_dir():
            return latest.resolve().relative_to(root.resolve()).as_posix()
        return latest.read_text(encoding="utf-8").strip() if latest.is_file() else "latest"
    except (OSError, ValueError):
        return "latest"


def _listed(folder: Path) -> RunListed:
    stem = RUN_FOLDER_NAME.fullmatch(folder.name)
    try:
        began = datetime.strptime(stem[1], "%Y%m%d-%H%M%S") if stem else None
    except ValueError:
        began = None
    if began is None:  # named by hand
        try:
            began = datetime.fromtimestamp((folder / "result.json").stat().st_mtime)
        except (OSError, ValueError, OverflowError):
            began = datetime.fromtimestamp(0)
    what = stem[2].split("+") if stem else [folder.name]
    experiments = [one_line(each, 60) for each in what]
    return RunListed(folder.name, experiments, began.isoformat(timespec="seconds"))
