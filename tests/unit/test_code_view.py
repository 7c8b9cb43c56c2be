"""The page shows the very lines that served a request, and in colours that can be read."""

import ast
import difflib
import re
from html.parser import HTMLParser
from itertools import chain, zip_longest

import pytest
from contrast import contrast
from werkzeug.routing import Map

from lab.console import code_view
from lab.core.errors import LabError
from lab.experiments import app_diff

ROUTES = (
    ("GET", "/api/products", "products"),
    ("POST", "/api/login", "login"),
    ("GET", "/api/cart", "view_cart"),
    ("GET", "/api/cart?token=abc&userId=123", "view_cart"),
    ("POST", "/api/cart/items", "add_item"),
    ("PATCH", "/api/cart/items/laptop", "change_item"),
    ("DELETE", "/api/cart/items/lap%20top", "remove_item"),
    ("DELETE", "/api/cart", "clear_cart"),
    ("PUT", "/api/shipping-address", "ship_to"),
    ("POST", "/api/checkout", "check_out"),
    ("POST", "/api/logout", "logout"),
    ("GET", "/api/server", "server"),
)
NOWHERE = (
    ("PUT", "/api/cart"),
    ("GET", "/api/cart/"),
    ("GET", "/cart"),
    ("GET", ""),
    ("GET", "//"),
    ("BREW\x00", "/api/cart"),
    ("PATCH", "/api/cart/items/a%2Fb"),
    ("GET", "/api/../../etc/passwd"),
    ("GET", "/api/<script>alert(1)</script>"),
)


class Text(HTMLParser):
    """The text of a fragment, and every class in it."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.text, self.attributes, self.tags = "", [], set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize(("method", "path", "name"), ROUTES)
@pytest.mark.parametrize("package", ["stateful_app", "stateless_app"])
def test_lines_are_those_of_the_function_in_the_file(package, method, path, name):
    found = app_diff.serving(package, method, path)
    source = app_diff.source_of(package).read_text(encoding="utf-8").splitlines()
    text = found.text.splitlines()
    assert found.file == f"{package}/app.py"
    assert source[found.first_line - 1 : found.first_line - 1 + len(text)] == text
    assert text[0].startswith("@desk.")
    assert text[1].startswith(f"def {name}(")
    assert not source[found.first_line - 1 + len(text)].strip()  # to its end


@pytest.mark.parametrize(("method", "path"), NOWHERE)
def test_code_view_shows_nothing_where_there_is_no_route(method, path):
    assert app_diff.serving("stateful_app", method, path) is None
    assert code_view.serving(method, path) is None


def test_every_route_of_the_desks_is_found(monkeypatch):
    seen = []
    monkeypatch.setattr(app_diff, "Map", lambda rules: seen.append(list(rules)) or Map(seen[-1]))
    assert app_diff.serving("stateless_app", "GET", "/nothing") is None
    source = app_diff.source_of("stateless_app").read_text(encoding="utf-8")
    assert len(seen[0]) == len(re.findall(r"^@desk\.", source, re.M)) == len(ROUTES) - 1


def test_app_that_is_not_there_is_reported():
    with pytest.raises(LabError, match="not installed"):
        app_diff.serving("no_such_app", "GET", "/api/cart")


@pytest.mark.parametrize(("method", "path", "_"), ROUTES)
def test_html_is_the_source_with_classes_only(method, path, _):
    for desk, passages in code_view.serving(method, path).items():
        route = app_diff.serving(f"{desk}_app", method, path)
        expected = [route, *app_diff.behind(f"{desk}_app", route)]
        for shown, passage in zip(passages, expected, strict=True):
            read = Text(shown.html)
            assert read.text == passage.text + "\n"
            assert (shown.file, shown.first_line) == (passage.file, passage.first_line)
            assert read.tags == {"span"}
            assert {name for name, _ in read.attributes} == {"class"}


@pytest.mark.parametrize(("method", "path", "_"), ROUTES)
def test_lines_that_differ_are_marked_and_no_other(method, path, _):
    shown = code_view.serving(method, path)
    for left, right in zip_longest(shown["stateful"], shown["stateless"]):
        texts, marked = zip(*map(_lines_of, (left, right)), strict=True)
        diff = list(difflib.ndiff(*texts))
        assert marked[0] == [line[2:] for line in diff if line.startswith("- ")]
        assert marked[1] == [line[2:] for line in diff if line.startswith("+ ")]


def _lines_of(shown):
    """The lines of a passage, and those of them that are marked."""
    lines = Text(shown.html).text.splitlines() if shown else []
    looks = re.findall(r'<span class="(line[^"]*)"', shown.html) if shown else []
    pairs = zip(lines, looks, strict=True)
    return lines, [line for line, look in pairs if look == "line changed"]


def test_login_differs_and_the_catalogue_does_not():
    login, products = (
        code_view.serving(*each)["stateful"]
        for each in (("POST", "/api/login"), ("GET", "/api/products"))
    )
    assert all(each.differs and "changed" in each.html for each in login)
    assert [each.differs for each in products] == [False]
    assert "changed" not in products[0].html


def test_function_that_finds_a_session_is_shown_where_the_routes_are_the_same():
    route, found = code_view.serving("GET", "/api/cart")["stateful"]
    assert not route.differs
    assert found.file == "stateful_app/state.py"
    assert Text(found.html).text.startswith("def current_session()")
    assert found.differs and "changed" in found.html


@pytest.mark.parametrize("desk", ["stateful", "stateless"])
def test_every_call_of_state_is_shown_once(desk):
    called = []
    for method, path, _ in ROUTES:
        route, *behind = code_view.serving(method, path)[desk]
        names = [re.search(r"def (\w+)", Text(each.html).text)[1] for each in behind]
        assert names == list(dict.fromkeys(re.findall(r"state\.(\w+)", Text(route.html).text)))
        called += names
    source = app_diff.source_of(f"{desk}_app").read_text(encoding="utf-8")
    wired = {"init_state"}  # by create_app(), which serves no request
    assert set(called) == set(re.findall(r"\bstate\.(\w+)\(", source)) - wired


# --- colours


def test_contrast_is_what_the_standard_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


# The page's paper and its raised surfaces, as in base.css.
@pytest.mark.parametrize(
    ("part", "backgrounds"),
    [("light", ("#ffffff", "#f4f6f8")), ("dark", ("#16181c", "#20242a"))],
)
def test_every_colour_of_the_style_sheet_can_be_read(part, backgrounds):
    light, dark = code_view.style().split("@media (prefers-color-scheme: dark)")
    sheet = {"light": light, "dark": dark}[part]
    named = re.findall(r"[^-]color: ([^;}]+)", sheet)
    colours = [_long(each.strip()) for each in named]
    assert len(colours) > 30
    for colour in colours:
        assert min(contrast(colour, background) for background in backgrounds) >= 4.5, colour
    assert "background" not in sheet  # or the colours would stand on something else


def _long(colour):
    assert re.fullmatch(r"#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6}", colour), colour
    digits = colour[1:]
    return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))


def test_style_sheet_loads_nothing_and_never_mixes_the_two():
    sheet = code_view.style()
    assert not re.search(r"@import|url\(|expression|<", sheet)
    outside = sheet[: sheet.index("@media")]
    assert "color: #" not in outside
    assert sheet.count("@media") == 2


def test_every_class_in_the_code_has_its_colour():
    used = set()
    for method, path, _ in ROUTES:
        for shown in chain.from_iterable(code_view.serving(method, path).values()):
            used |= set(re.findall(r'class="([a-z0-9]+)"', shown.html))
    light, dark = code_view.style().split("@media (prefers-color-scheme: dark)")
    for name in used - {"line", "w", "o", "p", "n"}:
        for sheet in (light, dark):
            assert f".line .{name} " in sheet, name


def test_session_code_is_the_whole_function_without_its_docstring():
    for desk, shown in code_view.session_code().items():
        source = app_diff.source_of(f"{desk}_app", "state.py").read_text(encoding="utf-8")
        assert shown.lines[0] == "def current_session() -> SessionState:"
        [function] = [
            each
            for each in ast.parse(source).body
            if isinstance(each, ast.FunctionDef) and each.name == "current_session"
        ]
        docstring, *statements = function.body
        assert ast.get_docstring(function) and docstring not in statements
        [again] = ast.parse("\n".join(shown.lines)).body
        assert [ast.dump(each) for each in again.body] == [ast.dump(each) for each in statements]
        assert all(line in source.splitlines() for line in shown.lines)


def test_session_code_ends_where_a_session_is_found_or_refused():
    code = code_view.session_code()
    for desk, shown in code.items():
        assert shown.file == f"{desk}_app/state.py"
        assert shown.lines[shown.finds].strip().startswith("return ")
    assert "raise" in code["stateful"].lines[code["stateful"].refuses]
    assert "_verified" in code["stateless"].lines[code["stateless"].refuses]
