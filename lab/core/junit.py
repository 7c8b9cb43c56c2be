"""JUnit XML, as CI systems read it. Text of any kind is safe: what XML lacks becomes visible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree as ET

from lab.core.text import visible


@dataclass(frozen=True)
class Problem:
    """Why a case did not pass: it failed, it could not be decided, or it never ran."""

    kind: Literal["failure", "error", "skipped"]
    message: str
    details: str = ""


@dataclass(frozen=True)
class Case:
    """One test case; `seconds` None if it has no duration of its own."""

    classname: str
    name: str
    problem: Problem | None = None
    seconds: float | None = None
    output: str = ""


@dataclass(frozen=True)
class Suite:
    """Test cases that belong together."""

    name: str
    cases: Sequence[Case]
    seconds: float
    properties: Mapping[str, object] = field(default_factory=dict)


def junit_xml(name: str, suites: Sequence[Suite]) -> str:
    """Return the suites as an XML document."""
    root = ET.Element("testsuites", name=visible(name))
    for suite in suites:
        _add_suite(root, suite)
    _count(root, [case for suite in suites for case in suite.cases])
    root.set("time", f"{sum(suite.seconds for suite in suites):.3f}")
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add_suite(root: ET.Element, suite: Suite) -> None:
    element = ET.SubElement(root, "testsuite", name=visible(suite.name))
    if suite.properties:
        properties = ET.SubElement(element, "properties")
        for name, value in suite.properties.items():
            ET.SubElement(properties, "property", name=name, value=visible(value))
    for case in suite.cases:
        _add_case(element, case)
    _count(element, suite.cases)
    element.set("time", f"{suite.seconds:.3f}")


def _add_case(suite: ET.Element, case: Case) -> None:
    element = ET.SubElement(
        suite, "testcase", classname=visible(case.classname), name=visible(case.name)
    )
    if case.seconds is not None:
        element.set("time", f"{case.seconds:.3f}")
    if problem := case.problem:
        found = ET.SubElement(element, problem.kind, message=visible(problem.message))
        found.text = visible(problem.details) or None
    if case.output:
        ET.SubElement(element, "system-out").text = visible(case.output)


def _count(element: ET.Element, cases: Sequence[Case]) -> None:
    kinds = [case.problem.kind if case.problem else "" for case in cases]
    element.set("tests", str(len(kinds)))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(kinds.count(kind)))
