"""The run as JUnit XML: a test suite an experiment, a test case a lane and one for the claim.

An expectation that was not met is a failure. What could not be concluded is an error, as CI
tools read it: never a pass. A lane that was never run (no store here, say) is skipped.
"""

from typing import Any
from xml.etree import ElementTree as ET

from lab.report.plain import visible

Json = dict[str, Any]


def junit_xml(document: Json) -> str:
    """Return the XML; characters that XML does not have are shown as numbers."""
    root = ET.Element("testsuites", name="Two Desks")
    for experiment in document["experiments"]:
        _suite(root, experiment)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    seconds = sum(experiment["seconds"] for experiment in document["experiments"])
    root.set("time", f"{seconds:.3f}")
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(root: ET.Element, experiment: Json) -> None:
    suite = ET.SubElement(root, "testsuite", name=visible(experiment["name"]))
    properties = ET.SubElement(suite, "properties")
    for name in ("seed", "quick", "verdict", "number", "expected"):
        if experiment.get(name) is not None:
            value = visible(experiment[name])
            ET.SubElement(properties, "property", name=name, value=value)
    for lane in experiment["variants"]:
        _lane(suite, experiment, lane)
    _claim(suite, experiment)
    counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, tag in counted.items():
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", f"{experiment['seconds']:.3f}")


def _case(suite: ET.Element, experiment: Json, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(
        suite,
        "testcase",
        classname=f"two-desks.{visible(experiment['name'])}",
        name=visible(name),
        time=f"{seconds:.3f}",
    )


def _lane(suite: ET.Element, experiment: Json, lane: Json) -> None:
    ends = [each["at_s"] + each["elapsed_ms"] / 1000 for each in lane["exchanges"]]
    case = _case(suite, experiment, f"lane {lane['name']}", max(ends, default=0.0))
    outcome = lane.get("outcome") or {}
    surprises = [each for each in experiment["surprises"] if each.startswith(f"{lane['name']}: ")]
    if lane["broken_expectation"]:
        _problem(case, "failure", lane["broken_expectation"], lane["traceback"])
    elif surprises:
        _problem(case, "failure", "not as expected: " + "; ".join(surprises))
    elif lane["trouble"] and not lane["exchanges"]:
        _problem(case, "skipped", lane["trouble"])
    elif lane["trouble"] or outcome.get("verdict", "unknown") == "unknown":
        why = lane["trouble"] or outcome.get("number") or "nothing could be concluded"
        _problem(case, "error", why, lane["traceback"])
    if outcome:
        told = f"{outcome['verdict']}: {outcome['number']}"
        ET.SubElement(case, "system-out").text = visible(told)


def _claim(suite: ET.Element, experiment: Json) -> None:
    case = _case(suite, experiment, f"claim: {experiment['claim']}", experiment["seconds"])
    found = f"{experiment['verdict']}: {experiment['because']}"
    if experiment["expectation_met"] is False:
        expected = f"expected {experiment['expected']}; " if experiment["expected"] else ""
        _problem(case, "failure", f"{expected}{found}", "\n".join(experiment["surprises"]))
    elif experiment["expectation_met"] is None:
        _problem(case, "error", f"nothing concluded: {experiment['because']}")
    ET.SubElement(case, "system-out").text = visible(found)


def _problem(case: ET.Element, tag: str, message: str, more: str | None = None) -> None:
    problem = ET.SubElement(case, tag, message=visible(message))
    problem.text = visible(more) if more else None
