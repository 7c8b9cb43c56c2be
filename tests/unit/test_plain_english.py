"""Docstrings and messages are plain English: forms that readers stumble over are gone for good."""

import ast
import re

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


def test_docstring_says_what_a_thing_is_and_does_not_begin_with_whether():
    assert found(FRAGMENT.match, True) == []


def test_docstring_names_its_thing_before_it_says_it():
    assert found(DANGLING.match, True) == []


def test_message_says_is_not_a_folder_and_not_is_no_folder():
    assert found(IS_NO.search, False) == []


def test_rules_of_plain_english_catch_what_they_are_about():
    assert FRAGMENT.match("Whether it runs.") and not FRAGMENT.match("True if it runs.")
    for text in ("Run it on one replica.", "Return True if it runs.", "That of a signal."):
        assert DANGLING.match(text), text
    for text in ("Run the check, and end it.", "Where it listens.", "Return what is left of it."):
        assert not DANGLING.match(text), text
    assert IS_NO.search("x is no folder") and not IS_NO.search(
        "there is no folder; it is no longer"
    )
