"""The concept questions as a QTI 2.1 content package: items, two tests and a manifest, zipped.

IMS Question and Test Interoperability 2.1 (2012). An item is a choiceInteraction with one right
answer; its score is computed by the standard's response processing, and modal feedback says
why. The order of elements and the attributes are those of imsqti_v2p1.xsd and imscp_v1p1.xsd.
"""

import io
import re
import zipfile
from xml.etree import ElementTree as ET

from lab.teaching.questions import BEFORE_AND_AFTER, Bank, ConceptQuestion, Pair, When

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
QTI_SCHEMA = f"{QTI} http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd"
PACKAGE_SCHEMA = f"{PACKAGE} http://www.imsglobal.org/xsd/qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd"
ITEM_TYPE, TEST_TYPE = "imsqti_item_xmlv2p1", "imsqti_test_xmlv2p1"
MANIFEST = "imsmanifest.xml"
RESPONSE, SCORE, FEEDBACK = "RESPONSE", "SCORE", "FEEDBACK"
_CODE_SPAN = re.compile(r"`([^`]+)`")
_FILE_DATE = (2026, 1, 1, 0, 0, 0)  # the same bytes each time


def package(bank: Bank) -> bytes:
    """Return the zip file."""
    files = {
        f"{name_of(pair, when)}.xml": item(bank, pair, when, question)
        for pair, when, question in bank.asked()
    }
    files |= {f"test-{when}.xml": test(bank, when) for when in BEFORE_AND_AFTER}
    files[MANIFEST] = manifest(bank)
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FILE_DATE), _text(root), zipfile.ZIP_DEFLATED)
    return into.getvalue()


def name_of(pair: Pair, when: When) -> str:
    """Return the identifier of an item: "any-server-before"."""
    return f"{pair.name}-{when}"


def item(bank: Bank, pair: Pair, when: When, question: ConceptQuestion) -> ET.Element:
    """Return one question as an assessmentItem."""
    root = _root("assessmentItem", QTI, QTI_SCHEMA)
    for name, value in {
        "identifier": name_of(pair, when),
        "title": f"{pair.name}, {when} the class",
        "adaptive": "false",
        "timeDependent": "false",
    }.items():
        root.set(name, value)
    answers = bank.answers(question)
    right = next(each.letter for each in answers if each.is_right)
    _declare(root, right)
    body = ET.SubElement(root, "itemBody")
    _fill(ET.SubElement(body, "p"), question.question)  # some platforms pass over a prompt
    choice = ET.SubElement(
        body, "choiceInteraction", responseIdentifier=RESPONSE, shuffle="true", maxChoices="1"
    )
    for answer in answers:
        _fill(ET.SubElement(choice, "simpleChoice", identifier=answer.letter), answer.text)
    _process(root)
    for answer in answers:
        feedback = ET.SubElement(
            root,
            "modalFeedback",
            outcomeIdentifier=FEEDBACK,
            identifier=answer.letter,
            showHide="show",
        )
        _fill(feedback, answer.feedback)
    return root


def test(bank: Bank, when: When) -> ET.Element:
    """Return the assessmentTest of all questions for before the class, or after it."""
    root = _root("assessmentTest", QTI, QTI_SCHEMA)
    root.set("identifier", f"test-{when}")
    root.set("title", f"Two Desks, {when} the class")
    part = ET.SubElement(
        root,
        "testPart",
        identifier="part",
        navigationMode="nonlinear",
        submissionMode="individual",
    )
    section = ET.SubElement(
        part, "assessmentSection", identifier="section", title=f"{when} the class", visible="true"
    )
    for pair in bank.pairs:
        name = name_of(pair, when)
        ET.SubElement(section, "assessmentItemRef", identifier=name, href=f"{name}.xml")
    return root


def manifest(bank: Bank) -> ET.Element:
    """Return the manifest of the package: which file is what, and what a test consists of."""
    root = _root("manifest", PACKAGE, PACKAGE_SCHEMA)
    root.set("identifier", "two-desks")
    metadata = ET.SubElement(root, "metadata")
    ET.SubElement(metadata, "schema").text = "QTIv2.1 Package"
    ET.SubElement(metadata, "schemaversion").text = "1.0.0"
    ET.SubElement(root, "organizations")
    resources = ET.SubElement(root, "resources")
    for when in BEFORE_AND_AFTER:
        names = [name_of(pair, when) for pair in bank.pairs]
        entry = _resource(resources, f"test-{when}", TEST_TYPE)
        for name in names:
            ET.SubElement(entry, "dependency", identifierref=f"r-{name}")
        for name in names:
            _resource(resources, name, ITEM_TYPE)
    return root


def _resource(resources: ET.Element, name: str, kind: str) -> ET.Element:
    href = f"{name}.xml"
    entry = ET.SubElement(resources, "resource", identifier=f"r-{name}", type=kind, href=href)
    ET.SubElement(entry, "file", href=href)
    return entry


def _declare(root: ET.Element, right: str) -> None:
    response = ET.SubElement(
        root,
        "responseDeclaration",
        identifier=RESPONSE,
        cardinality="single",
        baseType="identifier",
    )
    ET.SubElement(ET.SubElement(response, "correctResponse"), "value").text = right
    score = ET.SubElement(
        root, "outcomeDeclaration", identifier=SCORE, cardinality="single", baseType="float"
    )
    ET.SubElement(ET.SubElement(score, "defaultValue"), "value").text = "0"
    ET.SubElement(
        root, "outcomeDeclaration", identifier=FEEDBACK, cardinality="single", baseType="identifier"
    )


def _process(root: ET.Element) -> None:
    """Let the score be 1 for the right answer, and the feedback that of the chosen one."""
    processing = ET.SubElement(root, "responseProcessing")
    condition = ET.SubElement(processing, "responseCondition")
    for branch, points in (("responseIf", "1"), ("responseElse", "0")):
        inside = ET.SubElement(condition, branch)
        if branch == "responseIf":
            match = ET.SubElement(inside, "match")
            ET.SubElement(match, "variable", identifier=RESPONSE)
            ET.SubElement(match, "correct", identifier=RESPONSE)
        value = ET.SubElement(inside, "setOutcomeValue", identifier=SCORE)
        ET.SubElement(value, "baseValue", baseType="float").text = points
    chosen = ET.SubElement(processing, "setOutcomeValue", identifier=FEEDBACK)
    ET.SubElement(chosen, "variable", identifier=RESPONSE)


def _fill(element: ET.Element, text: str) -> None:
    """Put text into an element; what stands in backticks becomes `code`."""
    plain, *rest = _CODE_SPAN.split(" ".join(text.split()))
    element.text = plain
    for code, after in zip(rest[::2], rest[1::2], strict=True):
        child = ET.SubElement(element, "code")
        child.text, child.tail = code, after


def _root(name: str, namespace: str, schema: str) -> ET.Element:
    root = ET.Element(name, {"xmlns": namespace, "xmlns:xsi": XSI})
    root.set("xsi:schemaLocation", schema)
    return root


def _text(root: ET.Element) -> bytes:
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"
