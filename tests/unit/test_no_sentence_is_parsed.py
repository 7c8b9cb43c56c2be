"""No code looks into a sentence: what it has to know is a value of its own.

A search for a text with a blank in it is such a look. The files that have one on purpose are
named here, by whose text it is that they read: not the lab's own sentences.
"""

import ast
import re
from functools import cache
from pathlib import Path

import lab

from .test_source_tree import nodes, trees

HTTP = "a protocol's text: headers, request lines, cookies, events"
OTHERS = "another program's text: its messages, its source, its files"
OURS = "a text of the lab's that is no sentence: a command, a run of an earlier version"
LOOK = "the look of a text: its indent, its words for a drawing, its headings"
ALLOWED = {
    HTTP: {
        *("lab/capacity/steady_load.py", "lab/check/clues.py", "lab/check/mcp/messages.py"),
        *("lab/check/mcp/replies.py", "lab/check/moments.py", "lab/check/replicas/naming.py"),
        *("lab/check/sources/challenge.py", "lab/check/sources/client.py"),
        *("lab/console/offline/session.py", "lab/console/room/customer_of_phone.py"),
        *("lab/console/room/simulated_phone.py", "lab/console/static/bytes.js"),
        *("lab/core/redaction.py", "lab/experiments/readable.py", "lab/report/curl.py"),
        *("lab/shop/tokens.py", "lab/stack/deployment.py"),
    },
    OTHERS: {
        *("lab/capacity/machine.py", "lab/check/container.py", "lab/check/sources/http_values.py"),
        *("lab/exercises/autograder.py", "lab/exercises/found.py"),
        *("lab/experiments/script_errors.py", "lab/experiments/url_token.py"),
        *("lab/stack/balancer.py", "lab/stack/limits.py", "lab/stack/access_log.py"),
        *("lab/stack/local_store.py", "lab/stack/pool_spec.py"),
    },
    OURS: {
        *("lab/console/offline/one_file.py", "lab/console/static/curl.js", "lab/core/faults.py"),
        *("lab/exercises/service.py", "lab/exercises/work.py", "lab/report/plain.py"),
        "lab/report/upgrade.py",
    },
    LOOK: {
        *("lab/check/curl_parts.py", "lab/cli/help.py", "lab/cli/plain_stream.py"),
        "lab/core/text.py",
        *("lab/console/static/figures.js", "lab/console/static/picture.js"),
        *("lab/docs/handbook.py", "lab/docs/web.py"),
    },
}
SEARCHES = {
    *("startswith", "endswith", "removeprefix", "removesuffix", "split", "rsplit", "partition"),
    *("rpartition", "find", "rfind", "index", "rindex", "replace"),
}
OF_RE = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
IN_SCRIPTS = re.compile(
    r"""\.(?:startsWith|endsWith|includes|split|indexOf|match|matchAll|replace|replaceAll|search)
        \( ( "[^"]*" | '[^']*' | `[^`]*` | /(?:[^/\\\n]|\\.)+/ )
      | ( /(?:[^/\\\n]|\\.)+/ ) [a-z]* \.test\(""",
    re.VERBOSE,
)


def literals(node):
    """The texts that a searched value is made of."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    parts = getattr(node, "elts", []) + getattr(node, "values", [])
    for each in (*parts, getattr(node, "left", None), getattr(node, "right", None)):
        yield from literals(each) if each else ()


def searched(nodes):
    """The texts that a module looks for in others."""
    for each in nodes:
        match each:
            case ast.Call(func=ast.Attribute(value=owner, attr=name), args=[first, *_]):
                is_re = isinstance(owner, ast.Name) and owner.id == "re"
                yield from literals(first) if name in (OF_RE if is_re else SEARCHES) else ()
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn(), *_]):
                yield from literals(left)


@cache
def found():
    """The files that look for a text with a blank in it, and what they look for."""
    looks = {file: [*searched(nodes(tree))] for file, tree in trees().items()}
    root = Path(lab.__file__).parent
    for path in root.rglob("*.js"):
        if path.is_relative_to(root / "exercises"):
            continue  # of a student
        text = path.read_text(encoding="utf-8")
        looks[f"lab/{path.relative_to(root).as_posix()}"] = [
            re.sub(r"\$\{[^}]*\}", "", one or other) for one, other in IN_SCRIPTS.findall(text)
        ]
    blank = {file: [each for each in texts if " " in each] for file, texts in looks.items()}
    return {file: texts for file, texts in blank.items() if texts}


def test_no_sentence_of_the_lab_is_parsed():
    allowed = set().union(*ALLOWED.values())
    assert {file: texts for file, texts in found().items() if file not in allowed} == {}


def test_exemptions_are_needed():
    assert set().union(*ALLOWED.values()) <= found().keys()


def test_searches_are_noticed_in_both_languages():
    code = "a.partition('; ')\nif 'no x' in a: re.sub(rf'{b} of', '', a)\n' '.join(a)\na in 'b c'"
    assert [*searched(ast.walk(ast.parse(code)))] == ["; ", "no x", " of"]
    script = 'a.startsWith("The lab"); /of \\d/.test(a); a.replace("T", " "); b.split(" ")'
    assert [one or two for one, two in IN_SCRIPTS.findall(script)] == [
        *('"The lab"', "/of \\d/", '"T"', '" "')
    ]
