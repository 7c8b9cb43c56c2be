"""The two apps are twins: what differs between them is where the cart lives, and no more."""

import ast
import difflib
import inspect
import re
from pathlib import Path

import pytest
import yaml
from flask import Flask

import lab.shop
import stateful_app
import stateless_app
from lab.shop.errors import Invalid
from lab.shop.http import InstanceInfo
from lab.shop.validation import ADDRESS, LOGIN, Field
from stateful_app.config import Config as StatefulConfig
from stateless_app.config import Config as StatelessConfig

STATEFUL = Path(stateful_app.__file__).parent
STATELESS = Path(stateless_app.__file__).parent
LAB = Path(lab.shop.__file__).parents[1]
MAX_CHANGED_LINES = {"app.py": 32, "state.py": 60}  # of the two files together
MAX_STATE_LINES = 60
CONTRACT = yaml.safe_load((LAB / "shop" / "openapi.yaml").read_text(encoding="utf-8"))


def routes(app: Flask) -> list[tuple[str, list[str], str]]:
    """Return (path, methods, endpoint) of every route, in the order of the file."""
    return [
        (rule.rule, sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}), rule.endpoint)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
    ]


STATEFUL_ROUTES = routes(stateful_app.create_app(StatefulConfig(InstanceInfo("A"))))
STATELESS_ROUTES = routes(stateless_app.create_app(StatelessConfig(InstanceInfo("A"), ("k" * 32,))))


def lines(directory: Path, name: str = "app.py") -> list[str]:
    return (directory / name).read_text(encoding="utf-8").splitlines()


def imports(file: Path) -> set[str]:
    """Return the modules that a file imports, wherever in it; relative ones with their dots."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def test_apps_have_the_same_files() -> None:
    stateful, stateless = (
        {path.name for path in directory.iterdir()} - {"__pycache__"}
        for directory in (STATEFUL, STATELESS)
    )
    assert stateful == stateless


def test_apps_have_the_same_routes_in_the_same_order() -> None:
    assert STATEFUL_ROUTES == STATELESS_ROUTES


def test_contract_names_exactly_these_routes() -> None:
    documented = {
        (path, method.upper())
        for path, operations in CONTRACT["paths"].items()
        for method in operations
        if method != "parameters"
    }
    served = {
        (path.replace("<", "{").replace(">", "}"), method)
        for path, methods, _ in STATEFUL_ROUTES
        for method in methods
    }
    assert served == documented


@pytest.mark.parametrize(
    ("schema", "field", "read"),
    [
        ("Login", "user_id", LOGIN["user_id"]),
        ("Login", "name", LOGIN["name"]),
        ("Address", "address", ADDRESS["address"]),
    ],
)
def test_contract_takes_the_text_that_the_code_takes(schema: str, field: str, read: Field) -> None:
    rule = CONTRACT["components"]["schemas"][schema]["properties"][field]

    def taken(text: str) -> bool:
        try:
            read(field, text)
        except Invalid:
            return False
        return True

    # Every character of the first plane (a lone surrogate never gets this far), and one past it.
    # No pattern says which names and ids are taken: their rule is lab/shop/names.py.
    has_pattern = "pattern" in rule
    assert has_pattern != ("format" in rule)
    for code in [*range(0xD800), *range(0xE000, 0x10000), 0x1F600] if has_pattern else ():
        assert taken(chr(code)) == bool(re.fullmatch(rule["pattern"][1:-1], chr(code))), hex(code)
    lengths = [length for length in range(300) if taken("x" * length)]
    assert lengths == list(range(rule["minLength"], rule["maxLength"] + 1))


@pytest.mark.parametrize(("name", "most"), MAX_CHANGED_LINES.items())
def test_difference_is_short(name: str, most: int) -> None:
    twins = lines(STATEFUL, name), lines(STATELESS, name)
    diff = list(difflib.unified_diff(*twins, lineterm=""))[2:]
    changed = [line for line in diff if line[0] in "+-"]
    assert 0 < len(changed) <= most


@pytest.mark.parametrize("directory", [STATEFUL, STATELESS], ids=lambda path: path.name)
def test_state_py_fits_on_a_page(directory: Path) -> None:
    assert len(lines(directory, "state.py")) <= MAX_STATE_LINES


def test_reading_the_cart_is_the_same_at_both_desks() -> None:
    sources = [inspect.getsource(app.view_cart) for app in (stateful_app.app, stateless_app.app)]
    assert sources[0] == sources[1]


def test_parallel_lines_are_parallel() -> None:
    blank = [[n for n, line in enumerate(lines(d)) if not line] for d in (STATEFUL, STATELESS)]
    assert len(lines(STATEFUL)) == len(lines(STATELESS))
    assert blank[0] == blank[1]


@pytest.mark.parametrize("directory", [STATEFUL, STATELESS], ids=lambda path: path.name)
def test_app_imports_nothing_of_the_lab_but_the_shop(directory: Path) -> None:
    twin = (STATELESS if directory == STATEFUL else STATEFUL).name
    for file in directory.glob("*.py"):
        for module in imports(file):
            top, *rest = module.split(".")
            assert top != twin, f"{file.name} imports its twin"
            assert top != "lab" or rest[:1] in ([], ["shop"]), f"{file.name} imports {module}"


def test_lab_imports_no_app() -> None:
    apps = {STATEFUL.name, STATELESS.name}
    for file in LAB.rglob("*.py"):
        tops = {module.split(".")[0] for module in imports(file)}
        assert not tops & apps, f"{file} imports an app: start it as a process instead"
