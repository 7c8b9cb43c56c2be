"""`lab check` with a settings file: all conversations that it names, one after the other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from lab.cli.output import EXIT_INTERRUPTED, screen, write_json
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.check.document import CheckDocument
    from lab.check.judge import Level, Report
    from lab.check.known import KnownFinding
    from lab.check.settings import CheckSettings, ValueKind

_META_WORDS, _META_BATCH = "lab.check.words", "lab.check.batch"
_NOT_IN_A_FILE = frozenset({"help", "version", "json", "junit", "sarif", "out"})
WORST_FIRST = (EXIT_INTERRUPTED, 1, 3, 0)


class WithSettings(click.Command):
    """A command that remembers the words it was called with, for a settings file to add to."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Keep the words of the first call; those of the file follow in calls below it."""
        context.meta.setdefault(_META_WORDS, tuple(args))
        return super().parse_args(context, args)


@dataclass
class Batch:
    """The checks of one settings file: what each has found, and which known findings hold."""

    settings: "CheckSettings"
    found: list[tuple["CheckDocument", Path | None]] = field(default_factory=list)
    holds: set["KnownFinding"] = field(default_factory=set)
    whole: bool = True
    """True if every conversation was checked to its end."""

    def mark(self, report: "Report", allowed: "frozenset[Level]") -> bool:
        """Mark what is known in a report; True if nothing else fails in it."""
        from lab.check.known import apply_known, only_known

        self.holds |= apply_known(report, self.settings.known, allowed, date.today())
        self.whole = self.whole and not report.partial and bool(report.findings)
        return only_known(report, allowed)

    def remarks(self) -> Iterator[str]:
        """Yield what to say at the end of the known findings that no check has found."""
        from lab.check.known import no_longer_true

        if self.whole:
            yield from no_longer_true(self.settings.known, self.holds)


def current_batch() -> Batch | None:
    """Return the batch that this call of the command belongs to."""
    found: Batch | None = click.get_current_context().meta.get(_META_BATCH)
    return found


def run_settings(conversation: Path | None, files: Sequence[Path | None], as_json: bool) -> int:
    """Run the command once for each conversation, with the file's options; return the status.

    `files` are those of --junit and --sarif. UsageError if this folder has no settings.
    """
    context = click.get_current_context()
    if batch := current_batch():
        raise LabError(f"{batch.settings.path.name} has neither start nor urls: add one of them")
    if conversation and not conversation.is_file():
        raise click.UsageError(f"no such file: {conversation}")
    settings = _settings_of(context)
    names: list[str | None] = [None] if conversation else [*settings.conversations] or [None]
    batch = context.meta[_META_BATCH] = Batch(settings)
    status = 0
    try:
        for name in names:
            if not as_json and len(names) > 1:
                screen.print(Text(f"\n{name}", "bold"))
            status = min(status, _one(context, batch, name), key=WORST_FIRST.index)
            if status == EXIT_INTERRUPTED:
                break
    finally:
        del context.meta[_META_BATCH]
    _write(batch, files, as_json, status)
    return status


def _settings_of(context: click.Context) -> "CheckSettings":
    from lab.check.settings import SETTINGS_FILE, find_settings

    settings = find_settings(Path.cwd(), options_of(context.command))
    if settings is None:
        raise click.UsageError(
            "give either --start COMMAND or --url URL of each replica; or keep them in "
            f"{SETTINGS_FILE} or in [tool.lab.check] of pyproject.toml, in this folder"
        )
    return settings


def options_of(command: click.Command) -> "dict[str, ValueKind]":
    """Return the options that a settings file may have, by name, with the kind of their value."""
    found: dict[str, ValueKind] = {}
    for option in command.params:
        if not isinstance(option, click.Option):
            continue
        name = max(option.opts, key=len).removeprefix("--")
        if name not in _NOT_IN_A_FILE:
            found[name] = "flag" if option.is_flag else "list" if option.multiple else "text"
    return {**found, "env": "table"}


def _one(context: click.Context, batch: Batch, conversation: str | None) -> int:
    words = [*batch.settings.words, *context.meta[_META_WORDS]]
    words += ["--", conversation] if conversation else []
    name = context.info_name or "check"
    with _named(batch.settings.path):
        inner = context.command.make_context(name, words, parent=context.parent)
    with inner:
        inner.meta[_META_BATCH] = batch
        status: int = context.command.invoke(inner)
        return status


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the settings file in the error of an option that it sets."""
    try:
        yield
    except click.UsageError as error:
        raise LabError(f"{path.name}: {error.format_message()}") from None


def _write(batch: Batch, files: Sequence[Path | None], as_json: bool, status: int) -> None:
    from lab.check import batch_document

    junit, sarif = files
    remarks = [*batch.remarks()]
    if junit:
        from lab.check.render import as_junit_of_all
        from lab.cli import kept

        kept.write(junit, as_junit_of_all([found for found, _ in batch.found]))
    if sarif:
        from lab.check.sarif import Checked, as_sarif
        from lab.cli import kept

        kept.write(sarif, as_sarif([Checked(found, file) for found, file in batch.found]))
    if as_json:
        checks = [found for found, _ in batch.found]
        write_json(batch_document.text(batch.settings.path.name, checks, remarks, status))
        return
    for remark in remarks:
        screen.print(Text(f"! {remark}", "yellow"), soft_wrap=True)
