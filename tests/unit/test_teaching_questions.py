"""The concept questions: the data, GIFT, QTI 2.1 and paper, and the command that writes them."""

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from click.testing import CliRunner

from lab.cli.teach import teach
from lab.console.lesson.plan import load
from lab.core.errors import LabError
from lab.docs.handbook import find
from lab.teaching import gift, paper, qti
from lab.teaching.questions import Bank, ConceptQuestion, WrongAnswer, read

BANK = read()
ASKED = list(BANK.asked())
HOSTILE = r"a {b} ~c =d #e :f \g // `x` <i> & é" + "\n\n::new::x{=y}"
NS = f"{{{qti.QTI}}}"
CP = f"{{{qti.PACKAGE}}}"


def bank_of(text):
    """A bank with one pair whose every text is hostile."""
    said = "".join(BANK.misconceptions[0].name)
    question = ConceptQuestion(
        text, f"right {text}", text, tuple(WrongAnswer(f"{n} {text}", said) for n in "123")
    )
    pair = msgspec.structs.replace(BANK.pairs[0], before=question, after=question)
    return Bank(BANK.misconceptions, (pair,))


def test_questions_are_twenty_in_ten_pairs():
    assert len(BANK.pairs) == 10
    assert len(ASKED) == 20
    assert [when for _, when, _ in ASKED] == ["before"] * 10 + ["after"] * 10
    assert len({question.question for *_, question in ASKED}) == 20


def test_each_wrong_answer_reveals_a_misconception_and_each_misconception_is_used():
    used = {wrong.reveals for *_, question in ASKED for wrong in question.wrong}
    assert used == set(BANK.by_name)


def test_no_letter_is_right_more_often_and_the_longest_answer_is_not_always_right():
    for when in ("before", "after"):
        letters = [
            next(each.letter for each in BANK.answers(pair.at(when)) if each.is_right)
            for pair in BANK.pairs
        ]
        assert sorted(letters.count(letter) for letter in "ABCD") == [2, 2, 3, 3]
    longest = sum(
        len(question.right) > max(len(wrong.text) for wrong in question.wrong)
        for *_, question in ASKED
    )
    assert longest <= 12


def test_questions_of_some_chapters_alone():
    assert [pair.name for pair in BANK.about([6, 7]).pairs] == ["crash", "store"]
    assert BANK.about([4]).pairs == ()


@pytest.mark.parametrize("chapters", ["", "0", "12", "x", "6,", "4", "-1", "6;7"])
def test_questions_of_chapters_that_are_none(chapters, tmp_path):
    done = CliRunner().invoke(teach, ["questions", "--chapters", chapters])
    assert done.exit_code == 2


def test_misconception_that_is_not_listed_is_refused():
    question = msgspec.structs.replace(
        BANK.pairs[0].before,
        wrong=(WrongAnswer("x", "unheard-of"), *BANK.pairs[0].before.wrong[1:]),
    )
    pair = msgspec.structs.replace(BANK.pairs[0], before=question)
    with pytest.raises(ValueError, match="unheard-of"):
        Bank(BANK.misconceptions, (pair,))


def test_answers_that_are_the_same_are_refused():
    wrong = WrongAnswer("x", "servers-share")
    with pytest.raises(ValueError, match="the same"):
        ConceptQuestion("q", "x", "because", (wrong, wrong, wrong))


# ------------------------------------------------------------------ GIFT


def blocks(text):
    return [each for each in text.split("\n\n") if each.strip()]


def test_gift_has_each_question_in_its_category():
    parts = blocks(gift.gift(BANK))
    assert parts[0] == "$CATEGORY: Two Desks/before the class"
    assert parts[11] == "$CATEGORY: Two Desks/after the class"
    assert len(parts) == 22
    for part in (*parts[1:11], *parts[12:]):
        assert re.findall(r"^\t([=~])", part, re.MULTILINE).count("=") == 1
        assert len(re.findall(r"^\t[=~]", part, re.MULTILINE)) == 4


def test_gift_escapes_what_would_end_a_question():
    (_, first, *_) = blocks(gift.gift(bank_of(HOSTILE)))
    bare = re.sub(r"\\.", "", first)
    assert bare.count("{") == bare.count("}") == 1
    assert bare.count("::") == 2
    assert len(re.findall(r"[=~]", bare)) == 4
    assert len(re.findall("#", bare)) == 4


PARSE = (
    "const parser = require('gift-pegjs'), read = require('fs').readFileSync;"
    "console.log(JSON.stringify(parser.parse(read(process.argv[1], 'utf8'))))"
)


@pytest.mark.parametrize("bank", [BANK, bank_of(HOSTILE)], ids=["ours", "hostile"])
def test_gift_is_read_by_a_parser_of_the_format(bank, tmp_path):
    if not node("require.resolve('gift-pegjs')").stdout:
        pytest.skip("no gift-pegjs here: npm install gift-pegjs, and set NODE_PATH to node_modules")
    file = tmp_path / "questions.gift"
    file.write_text(gift.gift(bank), encoding="utf-8")
    done = node(PARSE, str(file))
    assert done.returncode == 0, done.stderr[-500:]
    parsed = [each for each in msgspec.json.decode(done.stdout) if each["type"] == "MC"]
    for each, (_, _, question) in zip(parsed, bank.asked(), strict=True):
        assert each["stem"]["text"].strip() == " ".join(question.question.split())
        right = [one["text"]["text"] for one in each["choices"] if one["isCorrect"]]
        assert right == [" ".join(question.right.split())]
        assert all(one["feedback"] for one in each["choices"])


def node(program, *arguments):
    """Run a program of Node, and print its value; nothing where Node is missing."""
    if not (path := shutil.which("node")):
        return subprocess.CompletedProcess([], 1, stdout="", stderr="no node")
    words = [path, "-p" if "console" not in program else "-e", program, *arguments]
    return subprocess.run(
        words, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )


# ------------------------------------------------------------------ QTI 2.1

# Of the schema imsqti_v2p1.xsd, the elements that are used here: the children of each in their
# order ("*" any number, "+" one or more, "?" at most one), and the attributes that it must have.
INLINE = {"code"}
GRAMMAR = {
    "assessmentItem": (
        "responseDeclaration* outcomeDeclaration* itemBody? responseProcessing? modalFeedback*",
        {"identifier", "title", "adaptive", "timeDependent"},
    ),
    "responseDeclaration": ("correctResponse?", {"identifier", "cardinality", "baseType"}),
    "correctResponse": ("value+", set()),
    "outcomeDeclaration": ("defaultValue?", {"identifier", "cardinality", "baseType"}),
    "defaultValue": ("value+", set()),
    "value": ("", set()),
    "itemBody": ("p* choiceInteraction+", set()),
    "choiceInteraction": (
        "simpleChoice+",
        {"responseIdentifier", "shuffle", "maxChoices"},
    ),
    "p": ("code*", set()),
    "simpleChoice": ("code*", {"identifier"}),
    "code": ("", set()),
    "responseProcessing": ("responseCondition* setOutcomeValue*", set()),
    "responseCondition": ("responseIf responseElse?", set()),
    "responseIf": ("match setOutcomeValue*", set()),
    "responseElse": ("setOutcomeValue*", set()),
    "match": ("variable correct", set()),
    "variable": ("", {"identifier"}),
    "correct": ("", {"identifier"}),
    "setOutcomeValue": ("(baseValue|variable)", {"identifier"}),
    "baseValue": ("", {"baseType"}),
    "modalFeedback": ("code*", {"outcomeIdentifier", "identifier", "showHide"}),
    "assessmentTest": ("testPart+", {"identifier", "title"}),
    "testPart": ("assessmentSection+", {"identifier", "navigationMode", "submissionMode"}),
    "assessmentSection": ("assessmentItemRef*", {"identifier", "title", "visible"}),
    "assessmentItemRef": ("", {"identifier", "href"}),
}
IDENTIFIER = re.compile(r"[A-Za-z_][\w.-]*")


def local(element):
    return element.tag.rpartition("}")[2]


def require_grammar(element):
    assert element.tag == NS + local(element)
    children, attributes = GRAMMAR[local(element)]
    allowed = re.sub(r"(\w+)", r"(?:\1 )", children).replace(" (", "(").replace(" )", " )")
    order = "".join(f"{local(child)} " for child in element)
    assert re.fullmatch(allowed.replace(") (", ")("), order), (local(element), order)
    given = {name for name in element.attrib if not name.startswith("{")}
    assert given == attributes, local(element)
    for name in given & {"identifier", "responseIdentifier", "outcomeIdentifier"}:
        assert IDENTIFIER.fullmatch(element.get(name))
    for child in element:
        require_grammar(child)


def unpacked(bank):
    with zipfile.ZipFile(io.BytesIO(qti.package(bank))) as archive:
        assert archive.testzip() is None
        return {name: ET.fromstring(archive.read(name)) for name in archive.namelist()}


@pytest.mark.parametrize("bank", [BANK, bank_of(HOSTILE.replace("`", ""))], ids=["ours", "hostile"])
def test_qti_items_and_tests_follow_the_schema(bank):
    files = unpacked(bank)
    manifest = files.pop(qti.MANIFEST)
    assert len(files) == 2 * len(bank.pairs) + 2
    for root in files.values():
        require_grammar(root)
    assert [local(each) for each in manifest] == ["metadata", "organizations", "resources"]


def test_qti_item_scores_the_right_answer_and_explains_each():
    files = unpacked(BANK)
    for pair, when, question in ASKED:
        root = files[f"{qti.name_of(pair, when)}.xml"]
        right = root.find(f"{NS}responseDeclaration/{NS}correctResponse/{NS}value").text
        choices = {
            each.get("identifier"): "".join(each.itertext())
            for each in root.iter(f"{NS}simpleChoice")
        }
        assert choices[right] == question.right.replace("`", "")
        (asked,) = root.iter(f"{NS}p")
        assert "".join(asked.itertext()) == question.question.replace("`", "")
        explained = [each.get("identifier") for each in root.iter(f"{NS}modalFeedback")]
        assert explained == list(choices) == list("ABCD")


def test_qti_manifest_names_every_file_once_and_each_test_its_items():
    files = unpacked(BANK)
    manifest = files.pop(qti.MANIFEST)
    resources = {each.get("identifier"): each for each in manifest.iter(f"{CP}resource")}
    assert sorted(each.get("href") for each in resources.values()) == sorted(files)
    for when in ("before", "after"):
        needs = [
            each.get("identifierref")
            for each in resources[f"r-test-{when}"].iter(f"{CP}dependency")
        ]
        refs = [
            each.get("href") for each in files[f"test-{when}.xml"].iter(f"{NS}assessmentItemRef")
        ]
        assert [resources[name].get("href") for name in needs] == refs
        assert len(refs) == len(set(refs)) == 10


def test_qti_package_is_the_same_each_time():
    assert qti.package(BANK) == qti.package(read())


# ------------------------------------------------------------------ paper


def documents():
    chapter = paper.PredictedChapter(
        3, "Any <server>", "B comes.", "Does `B` & C know?", ["a", "b"]
    )
    return {
        "handout": paper.handout(),
        "worksheet": paper.worksheet([chapter]),
        "before": paper.quiz(BANK, "before"),
        "after": paper.quiz(bank_of(HOSTILE), "after"),
    }


@pytest.mark.parametrize("name", ["handout", "worksheet", "before", "after"])
def test_paper_needs_nothing_but_itself_and_escapes_its_texts(name):
    html = documents()[name]
    assert html.lstrip().startswith("<!DOCTYPE html>")
    assert "@page" in html and "@media print" in html
    assert not re.search(r"<script|<link|src=|url\(|https?://", html)
    assert "<i>" not in html


def test_paper_worksheet_has_the_chapters_question_and_room_for_two_answers():
    html = documents()["worksheet"]
    assert "Any &lt;server&gt;" in html
    assert "Does <code>B</code> &amp; C know?" in html
    assert html.count('class="box"') == 4


def test_paper_quiz_has_its_key_on_a_page_of_its_own():
    html = paper.quiz(BANK, "before")
    asked, key = html.split('<h1 class="page">')
    assert "Right." not in asked
    assert key.count("<b>Right.</b>") == 10


# ------------------------------------------------------------------ the command


def ran(*arguments):
    return CliRunner().invoke(teach, list(arguments))


def test_command_writes_all_three_files_and_replaces_none(tmp_path):
    names = [str(tmp_path / name) for name in ("q.gift", "q.zip", "q.html")]
    options = [
        each for pair in zip(("--gift", "--qti", "--paper"), names, strict=True) for each in pair
    ]
    assert ran("questions", *options).exit_code == 0
    assert Path(names[0]).read_text(encoding="utf-8") == gift.gift(BANK)
    assert Path(names[1]).read_bytes() == qti.package(BANK)
    assert Path(names[2]).read_text(encoding="utf-8") == paper.quiz(BANK, "before")
    refused = ran("questions", "--gift", names[0]).exception
    assert isinstance(refused, LabError) and "exists already" in str(refused)
    assert ran("questions", "--gift", names[0], "--force").exit_code == 0


@pytest.mark.parametrize("name", ["no/such/folder/x", "."])
def test_command_says_why_a_file_cannot_be_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ran("questions", "--qti", name).exit_code != 0


def test_command_lists_the_questions_with_their_right_answers():
    done = ran("questions")
    assert done.exit_code == 0
    assert done.output.count("✓") == 20


@pytest.mark.parametrize("numbers", ["", "x", "0", "12", "1,,2", "1;2", "-1", "1.5"])
def test_command_refuses_chapters_that_there_are_not(numbers):
    done = ran("worksheet", "--chapters", numbers)
    assert done.exit_code == 2
    assert "numbers from 1 to 11" in done.output


def test_command_prints_the_worksheet_of_the_plan_and_of_chosen_chapters():
    assert ran("worksheet").output.count('<section class="sheet">') == 6
    assert "Which would you choose?" in ran("worksheet", "--chapters", "11").output


def test_command_opens_the_handout(monkeypatch):
    opened = []
    monkeypatch.setattr(
        "lab.cli.browser.open_page", lambda uri, environ: opened.append(uri) or True
    )
    assert ran("handout", "--open").exit_code == 0
    assert opened[0].endswith("handout.html")


def test_command_without_a_browser_names_the_file(monkeypatch):
    monkeypatch.setattr("lab.cli.browser.open_page", lambda uri, environ: False)
    error = ran("handout", "--open").exception
    assert isinstance(error, LabError)
    assert Path(re.search(r"open (.*) yourself", str(error))[1]).is_file()


# ------------------------------------------------------------------ the handbook


def test_handbook_lists_each_pair_and_each_misconception():
    page = find("teaching-material").markdown
    for pair in BANK.pairs:
        assert f"| {pair.name} | {pair.chapter} | {pair.idea} |" in page
    for each in BANK.misconceptions:
        pairs = [
            pair.name
            for pair in BANK.pairs
            if each.name in {wrong.reveals for wrong in (*pair.before.wrong, *pair.after.wrong)}
        ]
        assert f"| {each.says} | {each.answer} | {', '.join(pairs)} |" in page


def test_chapter_of_a_pair_is_one_that_there_is():
    assert all(1 <= pair.chapter <= len(load().chapters) for pair in BANK.pairs)
