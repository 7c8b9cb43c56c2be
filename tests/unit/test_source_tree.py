"""The source tree: one name for one thing, one place for a constant, and where modules stand."""

import ast
import importlib
import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import lab
import stateful_app
import stateless_app
from lab.exercises.exercise import LADDER
from lab.museum.piece import PIECES

PACKAGES = [Path(each.__file__).parent for each in (lab, stateful_app, stateless_app)]
TWINS = {"stateful_app", "stateless_app"}
# What each experiment's file declares, and each command's module: the same name on purpose.
DECLARED = {
    "lab/experiments/": {
        *("CLAIM", "DRAWBACK", "DEPENDS_ON", "EXPECTED", "QUESTION", "VARIANTS", "EXPECTATIONS"),
        *("CROWD", "CUSTOMERS", "QUICK_CUSTOMERS", "QUICK_SERVERS"),
    },
    "lab/cli/": {"COMMANDS"},
}
# Two modules that may not import each other have the same value: the scripts that run before
# anything of the lab is loaded, and the apps.
COPIED = {
    "CLONE_NEWUSER": ("lab.exercises.confine", "lab.check.private_disk"),
    "SET_DEATH_SIGNAL": ("lab.exercises.confine", "lab.check.private_disk"),
    "LAYERS": ("lab.check.machine", "lab.check.private_disk"),
    "JUMP_IF_EQUAL": ("lab.stack.datagram_filter", "lab.check.connect_filter"),
    "RETURN": ("lab.stack.datagram_filter", "lab.check.connect_filter"),
    "LABELS": ("lab.experiments.readable", "stateless_app.state"),
}

# The name of JSON of unknown shape, and its aliases; where one may stand, and what it is there.
JSON_OBJECTS = {"JsonObject", "Measurements", "Results", "Events"}
EDGES = {
    "a body of the shop, which may be any shop's": {
        *("lab/shop/", "lab/seeded_bugs/", "lab/evidence/cart_tracker.py"),
        *("lab/experiments/first_visit.py", "lab/experiments/readable.py"),
        *("lab/console/room/phone_state.py", "lab/console/room/simulated_phone.py"),
    },
    "a description of a service, a tool or a project": {
        *("lab/check/mcp/", "lab/check/sources/", "lab/check/settings.py", "lab/cli/check_mcp.py"),
    },
    "what a script measures, by names of its own": {
        *("lab/evidence/result.py", "lab/evidence/run_document.py", "lab/experiments/"),
    },
    "what a page asks for": {
        *("lab/console/request_bodies.py", "lab/console/orders.py", "lab/console/script_steps.py"),
    },
    "what a console answers, read as a page reads it": {"lab/console/offline/"},
    "a run of an earlier version": {"lab/crowd/document.py", "lab/report/upgrade.py"},
    "the name itself": {"lab/core/json_object.py"},
}


@cache
def trees():
    """The syntax tree of each module, by its path below the repository: "lab/core/errors.py".

    What stands in the ladder of exercises is a student's or is imported by none: no modules, so
    a class there may be called as one of the lab. Nor are the pieces of the museum: each is a
    service of its own.
    """
    return {
        path.relative_to(package.parent).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in package.rglob("*.py")
        if not path.is_relative_to(LADDER) and not path.is_relative_to(PIECES)
    }


@cache
def nodes(tree):
    """All nodes of a syntax tree of `trees`: to walk one takes as long as to parse it."""
    return tuple(ast.walk(tree))


def types(tree):
    """The classes of a module, and its aliases of types."""
    found = {each.name for each in nodes(tree) if isinstance(each, ast.ClassDef)}
    return found | {name for name in names_of(tree) if re.match("_?[A-Z][a-z]", name)}


def constants(tree):
    """The constants of a module, private ones too: `_MOST` and `MOST` are one name."""
    return {name.strip("_") for name in names_of(tree) if name.isupper()}


def names_of(tree):
    """What a module assigns at its top, type variables aside."""
    for each in tree.body:
        targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
        value = getattr(each, "value", None)
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar":
            continue
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(part, ast.Name):
                    yield part.id


def twice(found_in):
    """Names that stand in two modules; the two of the twin apps count as one."""
    places = defaultdict(set)
    for file, tree in trees().items():
        package, _, below = file.partition("/")
        for name in found_in(tree):
            places[name].add(f"twin/{below}" if package in TWINS else file)
    return {name: sorted(files) for name, files in places.items() if len(files) > 1}


def test_name_of_a_type_stands_once_in_the_tree():
    """But for JSON of unknown shape: the apps may import the shop only."""
    assert twice(types) == {"JsonObject": ["lab/core/json_object.py", "lab/shop/cart.py"]}


def test_constant_is_defined_in_one_module():
    """But for those named above; an exemption that is no longer needed goes."""
    declared = {name: folder for folder, names in DECLARED.items() for name in names}
    found = twice(constants)
    assert found.keys() == declared.keys() | COPIED.keys()
    for name, folder in declared.items():
        assert all(file.startswith(folder) for file in found[name]), name
    assert all(len(found[name]) == 2 for name in COPIED)


@pytest.mark.skipif(sys.platform != "linux", reason="two of the scripts run on Linux only")
@pytest.mark.parametrize("name", COPIED)
def test_copied_constant_has_one_value(name):
    modules = [importlib.import_module(module) for module in COPIED[name]]
    first, second = (vars(module).get(name, vars(module).get(f"_{name}")) for module in modules)
    assert first == second is not None


def test_constant_of_the_page_stands_in_one_module():
    places = defaultdict(set)
    for file in (PACKAGES[0] / "console").rglob("*.js"):
        for line in re.findall("(?m)^(?:export )?const .*", file.read_text(encoding="utf-8")):
            for name in re.findall("(?:const |, )([A-Z][A-Z0-9_]*) = ", line):
                places[name].add(file.name)
    assert len(places) > 100
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_no_module_stands_at_the_top_of_the_lab():
    top = {file for file in trees() if file.startswith("lab/") and file.count("/") == 1}
    assert top == {"lab/__init__.py", "lab/__main__.py"}


def named_in(nodes):
    """The names that a piece of code uses."""
    return [each.id for each in nodes if isinstance(each, ast.Name)]


def written_in(text):
    """The modules in which an expression is written so."""
    wanted = ast.parse(text, mode="eval").body
    name = getattr(wanted, "attr", None)
    return {
        file
        for file, tree in trees().items()
        for each in nodes(tree)
        if type(each) is type(wanted) and getattr(each, "attr", None) == name
        if ast.unparse(each) == text
    }


def test_json_of_unknown_shape_has_one_name():
    """`dict[str, Any]` is written where the name is defined: in the lab, and in the shop."""
    assert written_in("dict[str, Any]") == {"lab/core/json_object.py", "lab/shop/cart.py"}
    ladder = (path.read_text(encoding="utf-8") for path in LADDER.rglob("checks.py"))
    assert not any("dict[str, Any]" in text for text in ladder)


def test_json_of_unknown_shape_stands_at_the_edges_only():
    """What the lab makes itself has a type; what goes out is a Struct, or a Mapping."""
    found = {file for file, tree in trees().items() if JSON_OBJECTS & {*named_in(nodes(tree))}}
    edges = tuple(each for places in EDGES.values() for each in places)
    assert {file for file in found if not file.startswith(edges)} == set()
    assert {each for each in edges if not any(file.startswith(each) for file in found)} == set()


def test_alias_of_json_of_unknown_shape_counts_as_it():
    found = {
        ast.unparse(each.targets[0])
        for tree in trees().values()
        for each in tree.body
        if isinstance(each, ast.Assign)
        and re.match(r"(dict|list|Mapping|\w+$)", ast.unparse(each.value))
        if {*JSON_OBJECTS, "Any"} & {*named_in(ast.walk(each.value))}
    }
    assert found == JSON_OBJECTS


def test_shell_has_one_escaper():
    assert written_in("shlex.quote") == {"lab/core/shell.py"}


def test_packages_are_typed():
    for package in PACKAGES:
        assert (package / "py.typed").is_file(), package
