"""What each command keeps of a run, and how each kind of run is read and shown again."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core.errors import LabError, reason

if TYPE_CHECKING:
    from lab.capacity.crossings import CapacityPlan
    from lab.check.document import CheckDocument
    from lab.core.page import ReportPage
    from lab.core.quantity import Quantity
    from lab.crowd.document import CrowdDocument

REPORT_PAGE = "report.html"


def leave_check(folder: Path, document: "CheckDocument") -> None:
    """Write check.json and report.html into a run's folder."""
    from lab.check.document import text
    from lab.check.page import check_page

    _leave(folder, "check.json", text(document), lambda: check_page(document))


def leave_crowd(folder: Path, document: "CrowdDocument") -> None:
    """Write crowd.json and report.html into a run's folder."""
    from lab.crowd.document import text
    from lab.crowd.page import crowd_page

    _leave(folder, "crowd.json", text(document), lambda: crowd_page(document, folder))


def leave_plan(folder: Path, document: str, plan: "CapacityPlan") -> None:
    """Write plan.json and report.html into a run's folder."""
    from lab.capacity.page import plan_page

    _leave(folder, "plan.json", document, lambda: plan_page(plan))


def page_of(kind: str, document: Path) -> "ReportPage":
    """Return the page of a kept check, crowd or plan; LabError if it cannot be read."""
    with _numbers_of(document):
        return _page_of(kind, document)


def _page_of(kind: str, document: Path) -> "ReportPage":
    if kind == "check":
        from lab.check import document as checked
        from lab.check.page import check_page

        return check_page(checked.read(document))
    if kind == "crowd":
        from lab.crowd import document as crowds
        from lab.crowd.page import crowd_page

        return crowd_page(crowds.read(document), document.parent)
    from lab.capacity import document as plans
    from lab.capacity.page import plan_page

    return plan_page(plans.read(document))


def junit_of(kind: str, document: Path) -> str:
    """Return a kept check or crowd as JUnit XML; LabError for a plan, which passes nothing."""
    with _numbers_of(document):
        return _junit_of(kind, document)


def _junit_of(kind: str, document: Path) -> str:
    if kind == "check":
        from lab.check import document as checked
        from lab.check.render import as_junit

        return as_junit(checked.read(document))
    if kind == "crowd":
        from lab.crowd import document as crowds
        from lab.crowd.page import crowd_junit

        return crowd_junit(crowds.read(document))
    raise LabError("a plan neither passes nor fails: it has no JUnit XML; take plan.json")


def quantities_of(kind: str, document: Path) -> "list[Quantity]":
    """Return what a kept run can be compared by; LabError if it cannot be read."""
    with _numbers_of(document):
        return _quantities_of(kind, document)


def _quantities_of(kind: str, document: Path) -> "list[Quantity]":
    if kind == "run":
        from lab.report import saved
        from lab.report.quantities import run_quantities

        return run_quantities(saved.read(document).document)
    if kind == "check":
        from lab.check import document as checked

        return checked.check_quantities(checked.read(document))
    if kind == "crowd":
        from lab.crowd import document as crowds
        from lab.crowd.quantities import crowd_quantities

        return crowd_quantities(crowds.read(document), document.parent)
    from lab.capacity import document as plans
    from lab.capacity.quantities import plan_quantities

    return plan_quantities(plans.read(document))


def require_writable(*files: Path | None, out: Path | None = None) -> None:
    """Raise LabError if a file that is written after long work could not be written.

    `out`, and the folders above it, may be missing: the command makes them before.
    """
    made = (out.absolute(), *out.absolute().parents) if out else ()
    for path in filter(None, files):
        try:
            if not (path.absolute().parent in made and not path.parent.exists()):
                _require_writable(path)
        except (OSError, ValueError) as error:  # ValueError: a NUL in its name
            raise LabError(f"cannot write {path}: {reason(error)}; choose another file") from None


def _require_writable(path: Path) -> None:
    is_new = not os.path.lexists(path)
    if not path.exists() or path.is_file() or path.is_dir():  # else it may be a pipe
        path.open("ab").close()
    if is_new:
        path.unlink()


def write(path: Path, text: str) -> None:
    """Write a file that was asked for; LabError if that fails."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise LabError(f"cannot write {path}: {reason(error)}; choose another file") from None


@contextmanager
def _numbers_of(document: Path) -> Iterator[None]:
    """Turn an error of arithmetic into a LabError: each number is one, and they do not agree."""
    try:
        yield
    except (ArithmeticError, TypeError, ValueError):
        raise LabError(
            f"{document} is damaged: its numbers contradict each other; run it again"
        ) from None


def _leave(folder: Path, name: str, document: str, page: Callable[[], "ReportPage"]) -> None:
    write(folder / name, document)  # first: the page can be made from it again
    from lab.report.page_html import page_html  # loads templates and charts

    write(folder / REPORT_PAGE, page_html(page()))
