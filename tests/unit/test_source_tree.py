"""The source tree: one name for one thing, one place for a constant, and where modules stand."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import lab
import stateful_app
import stateless_app
from lab.exercises.exercise import LADDER
from lab.museum.piece import PIECES

PACKAGES = [Path(each.__file__).parent for each in (lab, stateful_app, stateless_app)]
TWINS = {"stateful_app", "stateless_app"}
# What each experiment's file declares, and each command's module: the same name on purpose.
DECLARED = {
    *("CLAIM", "DRAWBACK", "DEPENDS_ON"),
    *("CROWD", "CUSTOMERS", "QUICK_CUSTOMERS", "QUICK_SERVERS"),
    "COMMANDS",
}


@cache
def trees():
    """The syntax tree of each module, by its path below the repository: "lab/core/errors.py".

    What stands in the ladder of exercises is a student's or is imported by none: no modules.
    Nor are the pieces of the museum: each is a service of its own.
    """
    return {
        path.relative_to(package.parent).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in package.rglob("*.py")
        if not path.is_relative_to(LADDER) and not path.is_relative_to(PIECES)
    }


def classes(tree):
    return [each.name for each in ast.walk(tree) if isinstance(each, ast.ClassDef)]


def constants(tree):
    """The public constants of a module that are a number, a text, or some of these."""
    for each in tree.body:
        targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
        value = getattr(each, "value", None)
        for target in targets:
            if not isinstance(target, ast.Name) or value is None:
                continue
            if target.id.isupper() and not target.id.startswith("_") and is_plain(value):
                yield target.id


def is_plain(value):
    """True if a constant's value is written out: it names nothing and calls nothing."""
    names = (ast.Name, ast.Call, ast.Attribute, ast.Dict, ast.Lambda)
    return not any(isinstance(each, names) for each in ast.walk(value))


def twice(found_in):
    """Names that stand in two modules; the two of the twin apps count as one."""
    places = defaultdict(set)
    for file, tree in trees().items():
        package, _, below = file.partition("/")
        for name in found_in(tree):
            places[name].add(f"twin/{below}" if package in TWINS else file)
    return {name: sorted(files) for name, files in places.items() if len(files) > 1}


def test_class_name_stands_once_in_the_tree():
    assert twice(classes) == {}


def test_constant_is_defined_in_one_module():
    found = twice(constants)
    assert {name: files for name, files in found.items() if name not in DECLARED} == {}


def test_names_that_may_stand_twice_do():
    """An exemption that is no longer needed goes."""
    assert set(twice(lambda tree: DECLARED & set(names_of(tree)))) == DECLARED


def names_of(tree):
    return [
        target.id
        for each in tree.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    ]


def test_no_module_stands_at_the_top_of_the_lab():
    top = {file for file in trees() if file.startswith("lab/") and file.count("/") == 1}
    assert top == {"lab/__init__.py", "lab/__main__.py"}


def test_json_of_unknown_shape_has_one_name():
    """`dict[str, Any]` is written where the name is defined: in the lab, and in the shop."""
    written = {
        file
        for file, tree in trees().items()
        for each in ast.walk(tree)
        if isinstance(each, ast.Subscript) and ast.unparse(each) == "dict[str, Any]"
    }
    assert written == {"lab/core/json_object.py", "lab/shop/cart.py"}


def test_packages_are_typed():
    for package in PACKAGES:
        assert (package / "py.typed").is_file(), package
