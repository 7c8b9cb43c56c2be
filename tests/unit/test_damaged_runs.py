"""Kept documents with one value removed or replaced: each is shown, or refused in a sentence."""

import io
import json
import re
from pathlib import Path

import pytest
from report_documents import as_json, crash
from rich.console import Console
from run_samples import a_check, a_crowd, a_plan

from lab.capacity import document as plans
from lab.cli import kept
from lab.core.errors import LabError
from lab.crowd.document import CrowdDocument
from lab.report import catalog, curl, har, html
from lab.report.junit import junit_xml
from lab.report.page_html import page_html
from lab.report.page_terminal import page_view
from lab.report.quantities import run_quantities
from lab.report.saved import read
from lab.report.terminal import verdicts_table

GONE = "this value is removed"
VALUES = (GONE, None, [], {}, -1, 10**30)
OLD = Path(__file__).parents[1] / "fixtures" / "result-schema-1.json"


def places(value, at=()):
    """Yield the path of each value, of a list the first only."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = list(enumerate(value))[:1] if isinstance(value, list) else inner
    for name, below in inner:
        yield (*at, name)
        yield from places(below, (*at, name))


def changed(text, place, value):
    """Return the document of that text with another value in that place."""
    other = json.loads(text)
    part = other
    for step in place[:-1]:
        part = part[step]
    if value is GONE:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return other


def show(kind, path, drawn):
    """Make every view of a document, as `lab runs`, `lab report` and `lab compare` do.

    A plan is computed anew from the part that is read: one that is in `drawn` gives no other page.
    """
    catalog.summary(path)
    if kind == "plan":
        plan = plans.read(path)
        known = repr((plan.constants, plan.assume))
        if known in drawn:
            return
        drawn.add(known)
    screen = Console(file=io.StringIO(), width=80)
    if kind != "run":
        page = kept.page_of(kind, path)
        screen.print(page_view(page))
        page_html(page)
        kept.quantities_of(kind, path)
        return
    run = read(path).document
    screen.print(verdicts_table(run.experiments))
    html.page(run)
    junit_xml(run)
    json.dumps(har.archive(run))
    run_quantities(run)
    for experiment in run.experiments:
        for form in ("posix", "powershell"):
            list(curl.lines(experiment, form))


def a_document(kind, folder):
    if kind == "check":
        kept.leave_check(folder, a_check())
    elif kind == "crowd":
        kept.leave_crowd(folder, CrowdDocument([a_crowd()]))
    elif kind == "plan":
        kept.leave_plan(folder, plans.text(a_plan(), [], Path("x.svg")), a_plan())
    elif kind == "run, schema 1":
        return json.loads(OLD.read_text("utf-8"))
    else:
        schema = int(kind[-1])
        return json.loads(json.dumps(as_json(crash()))) | {"schema": schema}
    return json.loads((folder / f"{kind}.json").read_text("utf-8"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "kind", ["run, schema 1", "run, schema 2", "run, schema 5", "check", "crowd", "plan"]
)
def test_document_with_one_value_changed_is_shown_or_refused_in_a_sentence(tmp_path, kind):
    document = a_document(kind, tmp_path)
    command = kind.partition(",")[0]
    path = tmp_path / ("result.json" if command == "run" else f"{command}.json")
    text = json.dumps(document)
    path.write_text(text, encoding="utf-8")
    drawn = set()
    show(command, path, drawn)
    refused = 0
    every = 5 if kind == "plan" else 1  # a plan has hundreds of numbers of a kind
    for place in list(places(document))[::every]:
        for value in VALUES:
            path.write_text(json.dumps(changed(text, place, value)), encoding="utf-8")
            try:
                show(command, path, drawn)
            except LabError as error:
                refused += 1
                why = str(error).removeprefix(f"{path} is damaged: ")
                words = re.findall(r"[A-Za-z]{2,}", re.sub(r"'[^']*'|`[^`]*`", "", why))
                assert len(words) >= 5, (place, value, str(error))
    assert refused > 30


def test_result_of_schema_1_without_variants_says_so(tmp_path):
    document = json.loads(OLD.read_text("utf-8"))
    document["experiments"][0]["variants"] = []
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(LabError, match=r"crash has no variants|field 'because' is missing"):
        read(path)
