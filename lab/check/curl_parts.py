"""Parts of the printed script: one looks a value up in an answer, one compares the runs."""

import re
from collections.abc import Iterable, Iterator, Sequence

from lab.check.conversation import Ref
from lab.check.differences import Difference
from lab.core.shell import quoted

# By the kind of a reference: a Python expression for its value. `name` is what is looked for,
# `head` and `body` are the texts of an answer.
_VALUES = {
    "json": "pointed(json.loads(body))",
    "match": "re.search(name, body)[1]",
    "cookie": "re.findall('(?im)^set-cookie: *' + re.escape(name) + '=([^;\\r\\n]*)', head)[-1]",
    "header": "header(name)",
    "param": "re.search('(?im)^' + name.replace(':', ':.*?', 1) + ' *= *\\\"?([^\\\",\\r\\n]+)',"
    " head)[1]",
    "path": "re.sub('^[a-z]+://[^/]*', '', header(name))",
    "query": "re.search('[?&#]' + re.escape(name.partition(':')[2]) + '=([^&#]*)',"
    " header(name.partition(':')[0]))[1]",
}
_HEADER_FUNCTION = """\
def header(name):
    return re.search("(?im)^" + re.escape(name) + ": *(.*?)[ \\r]*$", head)[1]"""
_POINTED_FUNCTION = """\
def pointed(value):
    for part in name.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        value = value[int(part) if isinstance(value, list) else part]
    return value"""
_WRITE_FORMS = {
    "json": "    value = json.dumps(value)[1:-1]",
    "url": '    value = urllib.parse.quote(value, safe="")',
}


def given(refs: Iterable[Ref]) -> Iterator[str]:
    """Yield the lines of a shell function that looks up these values; nothing without values."""
    kinds, forms = set(), set()
    for ref in refs:
        kinds.add(ref.where.partition(":")[0])
        forms.add(ref.form)
    if not kinds:
        return
    yield "given() { python3 -c '  # a value of answer N: where it is, and how it is written here"
    yield from _program(_look_up_lines(sorted(kinds), forms))


def _look_up_lines(kinds: list[str], forms: set[str]) -> Iterator[str]:
    yield "import json, re, sys, urllib.parse"
    yield 'number, where, form = (*sys.argv[1:], "")[:3]'
    yield 'kind, _, name = where.partition(":")'
    yield 'head, body = (open(each + number, errors="replace").read() for each in ("head", "body"))'
    if {*kinds} & {"header", "path", "query"}:
        yield from _HEADER_FUNCTION.splitlines()
    if "json" in kinds:
        yield from _POINTED_FUNCTION.splitlines()
    for kind in kinds:
        yield f'if kind == "{kind}":\n    value = {_VALUES[kind]}'
    if "query" in kinds:
        yield "    value = urllib.parse.unquote_plus(value)"
    yield "value = str(value)"
    for form in sorted(forms - {""}):
        yield f'if form == "{form}":\n{_WRITE_FORMS[form]}'
    yield "print(value)"


def look_up(ref: Ref) -> str:
    """Return the shell command that reads a value out of an earlier answer."""
    words = ["given", str(ref.call + 1), ref.where, *([ref.form] if ref.form else [])]
    return " ".join(map(quoted, words))


def _program(lines: Iterable[str]) -> Iterator[str]:
    """Yield a Python program within single quotes of a shell, and the end of its function."""
    yield from "\n".join(lines).replace("'", '"').splitlines()
    yield '\' "$@"; }'


_STATUS = """\
value() { sed -n 's/^HTTP[^ ]* \\([0-9]*\\).*/\\1/p' "$WORK/$1/head%(last)d" | tail -n 1; }
run control control; run shown shown
echo "status: $(value control) without, $(value shown) with it"
%(test)s [ "$(value control)" != "$(value shown)" ]"""
_JUDGE = """\
judge() { python3 -c '  # compares the last answers of three runs
import json, re, sys
where, last, source = sys.argv[1:]
%(value)s
def seen(run):
    found = value(run, last, where)
%(relation)s    return found
control, again, shown = map(seen, ("control", "again", "shown"))
%(compare)s
' "$@"; }
run control control; run shown shown; run again control; cd "$WORK"
judge %(where)s %(last)d %(source)d"""
_READ_TEXT = """\
def text(run, name):
    try:
        return open(run + "/" + name, errors="replace").read()
    except OSError:
        return ""
"""
_JSON_VALUE = """\
def value(run, number, where):
    try:
        found = json.loads(text(run, "body" + number))
        for part in where.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            found = found[int(part) if isinstance(found, list) else part]
    except (ValueError, LookupError, TypeError):
        return "nothing"
    return found"""
_STATUS_VALUE = """\
def value(run, number, where):
    return re.findall(r"(?m)^HTTP[^ ]* (\\d+)", text(run, "head" + number))[-1:]"""
_HEADERS_VALUE = """\
def value(run, number, where):
    name, _, key = where.partition(":")[2].partition("?")
    found = re.findall("(?im)^" + re.escape(name) + ": *(.*?)[ \\r]*$", text(run, "head" + number))
    part = "[?&#]" + re.escape(key) + "=([^&]*)"
    return [re.findall(part, each) if key else each for each in found]"""
_WORDS_VALUE = """\
def value(run, number, where):
    return re.findall(r"\\w+|[^\\w\\s]", text(run, "body" + number))"""
# Of what varies by itself only the kind and the number remain to be compared.
_COMPARE_JSON = """\
def parts(found, at=""):
    yield at + ":", "nothing" if found == "nothing" else type(found).__name__
    if isinstance(found, (dict, list)):
        yield at + "/-", sorted(found) if isinstance(found, dict) else len(found)
        for name, each in found.items() if isinstance(found, dict) else enumerate(found):
            yield from parts(each, at + "/" + str(name))
    else:
        yield at, found
one, other, seen = (dict(parts(each)) for each in (control, again, shown))
print(where + ":", json.dumps(control), "without,", json.dumps(shown), "with it")
same = [at for at in one if at in other and one[at] == other[at]]  # what both controls have
sys.exit(not any(at not in seen or seen[at] != one[at] for at in same))"""
_COMPARE_WORDS = """\
words = [word for word in control if word in again]  # what both controls have
gone = [word for word in words if word not in shown]
new = [word for word in shown if word not in control] if control == again else []
print(where + ": gone:", *(gone[:20] or ["nothing"]), "- new:", *(new[:20] or ["nothing"]))
sys.exit(not (gone or new))"""
_RELATED = """\
    earlier = text(run, "body" + source) + text(run, "head" + source)
    words = found if isinstance(found, list) else [str(found)]
    words = [word for word in words if len(str(word)) > 3 and str(word) in earlier]
    found = "that of answer " + source if words else "one of its own"
"""
_RELATED_WORDS = """\
    earlier = {*re.findall(r"\\w+", text(run, "body" + source))}
    found = [word for word in found if len(word) > 3 and word in earlier]
"""


def judge(difference: Difference, calls: Sequence[int]) -> Iterator[str]:
    """Yield the lines of the runs, print what differs, and end with the status.

    `calls` are the places in the conversation of the script's calls.
    """
    last = len(calls)
    related = difference.broken
    where = related.place if related else difference.where
    if where == "status":
        known = difference.expected.isdigit()
        test = f'[ "$(value control)" = {difference.expected} ] &&' if known else ""
        yield from (_STATUS % {"last": last, "test": test}).replace("\n ", "\n").splitlines()
        return
    words = where.startswith("body")
    kind, at = reader_of(where)
    relation = (_RELATED_WORDS if words else _RELATED) if related else ""
    made = _JUDGE % {
        "value": kind,
        "relation": relation,
        "compare": _COMPARE_WORDS if words else _COMPARE_JSON,
        "where": quoted(at),
        "last": last,
        "source": _number(related.source, calls) if related else 0,
    }
    yield from made.splitlines()


def reader_of(where: str) -> tuple[str, str]:
    """Return the Python functions that read the compared value, and the place they read."""
    if where == "status":
        return _READ_TEXT + _STATUS_VALUE, where
    if where.startswith("body"):
        return _READ_TEXT + _WORDS_VALUE, where
    if where.startswith("header:"):
        return _READ_TEXT + _HEADERS_VALUE, where
    # At "/-" and "/~" it is the members of what stands there that differ.
    at = re.sub(r"/[-~]$", "", where)
    return _READ_TEXT + _JSON_VALUE, "" if at == "/" else at


def _number(index: int, calls: Sequence[int]) -> int:
    """Return a call's number in the script; 0 if the script does not have the call."""
    return calls.index(index) + 1 if index in calls else 0
