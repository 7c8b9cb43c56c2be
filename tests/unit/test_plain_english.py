"""Docstrings and messages are plain English: forms that readers stumble over are gone for good."""

import ast
import io
import re
import tokenize

from documents import REPOSITORY

from .test_source_tree import nodes, trees

# A docstring says what a thing is or returns: "True if …", not "Whether …".
FRAGMENT = re.compile(r"(Whether|Of|Who|With whom|To whom|As it was) ")
# "Run it on one replica": run what? The first words name the thing: "Run the conversation on …".
DANGLING = re.compile(
    r"(?!(?:All|As|For|How|If|Since|That|Until|What|When|Where|Which|Why) )"
    r"[A-Z][a-z]+ (?:(?:at|how|that|what|when|where|whether|why|True if) )?(?:it|its|them|their)\b"
    r"|(?:They|Those|That of|One (?:for|of|that|which))\b"
)
# "is no folder" is "is not a folder"; "there is no folder" and "is no longer there" are fine.
IS_NO = re.compile(r"(?<!\bthere )\b(?:is|are) no (?!longer|more|older|larger|other|such)\w+")
# "LabError if it is none": if it is not what? "There is none" and "is none of these" are fine.
IS_NONE = re.compile(r"(?<![Tt]here )\b(?:is|are) none\b(?! of\b)")
# A comment after code is no second half of a sentence: "20  # of one text" leaves out the first.
HALF = re.compile(r"# *(?:as it|between|by|for|of|since|so many|that|until|which|who|whose)\b")


def texts(tree):
    """Each text of a module, as (line, text, True if it is a docstring)."""
    docstrings = {
        id(each.value)
        for each in nodes(tree)
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
    }
    for each in nodes(tree):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.lineno, each.value, id(each) in docstrings


def found(pattern, wants_docstring):
    return [
        f"{path}:{line}: {text[:60]}"
        for path, tree in trees().items()
        for line, text, is_docstring in texts(tree)
        if is_docstring is wants_docstring and pattern(text)
    ]


def comments():
    """Each comment of the lab's Python files, as (place, text, True if it stands after code)."""
    for path, text in python_files():
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                after_code = bool(token.line[: token.start[1]].strip())
                yield f"{path}:{token.start[0]}: {token.string}", token.string, after_code


def python_files():
    """Path and text of each Python file of the lab and of the two apps."""
    for folder in ("lab", "stateful_app", "stateless_app"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            yield path.relative_to(REPOSITORY).as_posix(), path.read_text(encoding="utf-8")


def test_docstring_says_what_a_thing_is_and_does_not_begin_with_whether():
    assert found(FRAGMENT.match, True) == []


def test_docstring_names_its_thing_before_it_says_it():
    assert found(DANGLING.match, True) == []


def test_message_says_is_not_a_folder_and_not_is_no_folder():
    assert found(IS_NO.search, False) == []


def test_docstring_says_what_a_thing_is_not_and_never_that_it_is_none():
    assert found(IS_NONE.search, True) == []
    assert found(IS_NONE.search, False) == []


def test_comment_never_says_that_a_thing_is_none():
    assert [place for place, text, _ in comments() if IS_NONE.search(text)] == []


def test_comment_after_code_can_be_read_without_it():
    assert [place for place, text, after in comments() if after and HALF.match(text)] == []


def test_rules_of_plain_english_catch_what_they_are_about():
    assert FRAGMENT.match("Whether it runs.") and not FRAGMENT.match("True if it runs.")
    for text in ("Run it on one replica.", "Return True if it runs.", "That of a signal."):
        assert DANGLING.match(text), text
    for text in ("Run the check, and end it.", "Where it listens.", "Return what is left of it."):
        assert not DANGLING.match(text), text
    assert IS_NO.search("x is no folder") and not IS_NO.search(
        "there is no folder; it is no longer"
    )
    for text in ("LabError if it is none.", "if chunks are none, end"):
        assert IS_NONE.search(text), text
    for text in ("There is none.", "None if there are none.", "a process that is none of ours"):
        assert not IS_NONE.search(text), text
    for text in (
        "# of one text",
        "# by call",
        "# so many are started",
        "# who waits holds a thread",
    ):
        assert HALF.match(text), text
    for text in ("# characters of a body", "# offset", "# whole numbers", "# format"):
        assert not HALF.match(text), text
