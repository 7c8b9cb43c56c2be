"""JSON pointers (RFC 6901): written, taken apart, followed, and by one module only."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lab
from lab.core import pointer

# The example of RFC 6901, section 5, with its pointers as texts (there) and as fragments (6).
DOCUMENT = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6,
    " ": 7, "m~n": 8,
}  # fmt: skip
PLACES = {
    "": DOCUMENT, "/foo": ["bar", "baz"], "/foo/0": "bar", "/": 0, "/a~1b": 1, "/c%d": 2,
    "/e^f": 3, "/g|h": 4, "/i\\j": 5, '/k"l': 6, "/ ": 7, "/m~0n": 8,
    "#": DOCUMENT, "#/foo/0": "bar", "#/": 0, "#/a~1b": 1, "#/c%25d": 2, "#/e%5Ef": 3, "#/%20": 7,
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_pointer_of_the_standard_is_followed(place):
    assert pointer.resolve(DOCUMENT, place) == PLACES[place]


@pytest.mark.parametrize(
    "place",
    [
        *("/a", "/a/b", "/foo/2", "/foo/-1", "/foo/-", "/foo/00", "/foo/+1", "/foo/٣", "/foo/bar"),
        *("foo", "#foo", "/foo/0/x", "/m~n/x", "/foo/" + "9" * 5000, "/foo/1.0", "/foo/ 1"),
    ],
)
def test_pointer_to_nothing_is_a_lookup_error(place):
    with pytest.raises(LookupError):
        pointer.resolve(DOCUMENT, place)


@given(st.lists(st.text()))
def test_pointer_that_is_written_is_taken_apart_into_the_same_names(names):
    assert pointer.decode(pointer.encode(*names)) == names


def test_name_that_looks_like_an_escape_is_kept():
    assert pointer.encode("~1", "a/b", 0) == "/~01/a~1b/0"
    assert pointer.decode("/~01/a~1b/0") == ["~1", "a/b", "0"]


def test_escape_of_a_pointer_is_written_in_one_module():
    """The scripts that the lab prints have one of their own: as part of a longer text."""
    package = Path(lab.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "~" in (text := path.read_text(encoding="utf-8"))
        for each in ast.walk(ast.parse(text))
        if isinstance(each, ast.Constant) and each.value in ("~0", "~1", b"~0", b"~1")
    }
    assert found == {"core/pointer.py"}
