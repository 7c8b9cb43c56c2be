"""Values made for the schemas of an OpenAPI document, and how they are written into requests."""

import json
import re

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.sources.description import Description
from lab.check.sources.given import KnownValues
from lab.check.sources.operations import Body, Operation, Parameter
from lab.check.sources.pattern import matching
from lab.check.sources.values import SchemaValues
from lab.check.sources.writing import CannotWrite, header_value, path_piece, query_pairs, written
from lab.core.http import Answer, Headers


def made(schema, root=None, **how):
    return SchemaValues(Description({"openapi": "3.1.0", **(root or {})}, "x"), **how).of(schema)


SCHEMAS = [
    {"type": "string", "minLength": 30},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "email", "minLength": 20},
    {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
    {"type": "string", "pattern": r"^\+?\d{7,}$"},
    {"type": ["string", "null"], "enum": [None, "b"]},
    {"type": ["null", "integer"], "exclusiveMinimum": 10},
    {"type": "integer", "minimum": 100, "maximum": 104, "multipleOf": 4},
    {"type": "number", "exclusiveMaximum": 1.5},
    {"type": "integer", "maximum": -3},
    {"const": {"a": 1}},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True},
    {"prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False, "minItems": 2},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    {
        "allOf": [
            {"required": ["a"], "properties": {"a": {"type": "integer"}}},
            {"required": ["b"], "properties": {"b": {"type": "boolean"}}},
        ],
        "required": ["c"],
        "properties": {"c": {"type": "string", "format": "date"}},
    },
    {
        "type": "object",
        "properties": {"a": {}, "b": {}},
        "anyOf": [{"required": ["b"]}, {"required": ["a"]}],
    },
    {"oneOf": [{"type": "null"}, {"type": "object", "required": ["k"], "properties": {"k": {}}}]},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_value_is_what_its_schema_allows(schema):
    for how in ({}, {"full": True}, {"branch": 1}):
        value = made(schema, **how)
        jsonschema.Draft202012Validator(schema).validate(value)
        assert value == made(schema, **how)  # the same every time


def test_words_of_version_3_0_are_understood():
    assert made({"type": "integer", "minimum": 8, "exclusiveMinimum": True}) == 9
    assert made({"type": "integer", "maximum": 5, "exclusiveMaximum": True}) == 4


def test_reference_keeps_what_stands_beside_it():
    root = {"components": {"s": {"type": "string"}}}
    assert made({"$ref": "#/components/s", "default": "x"}, root) == "x"
    assert made({"$ref": "#/components/s", "description": "x"}, root) == "text"


def test_fields_that_only_answers_have_are_left_out():
    schema = {"required": ["id", "n"], "properties": {"id": {"readOnly": True}, "n": {}}}
    assert made(schema) == {"n": "text"} and made(schema, full=True) == {"n": "text"}


def test_wrong_examples_can_be_left_out():
    schema = {"type": "string", "format": "uuid", "example": "4f4e4e1-c824"}
    assert made(schema) == "4f4e4e1-c824"
    assert len(made(schema, examples=False)) == 36


def test_schema_without_end_has_a_value():
    schema = {"required": ["next"], "properties": {"next": {"$ref": "#/components/n"}}}
    assert "next" in made(schema, {"components": {"n": schema}})
    wide = {"properties": {f"p{n}": {"$ref": "#/components/n"} for n in range(30)}}
    assert len(json.dumps(made(wide, {"components": {"n": wide}}, full=True))) < 100_000


PATTERNS = [
    *(r"^[a-z0-9]+(?:-[a-z0-9]+)*$", r"^\d{4}-\d\d$", r"^(foo|bar)\1$", r"[^/]+", r"^.{8,}$"),
    *(r"^(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{8,}$", r"\S+@\S+\.\S+", r"^#[0-9a-fA-F]{6}$"),
    *(r"^[^a-z]$", r"^\w{2,4}$", r"a*?b", r"^(?:[A-Z]{2})?\d$", r"^[\d-]{3}$", r"^$", ""),
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_text_matches_its_pattern(pattern):
    text = matching(pattern)
    assert text is not None and re.search(pattern, text), (pattern, text)


@pytest.mark.parametrize(("pattern", "least", "most"), [(r"^[a-z]*$", 20, 30), (r"^a+b?$", 5, 5)])
def test_text_of_a_pattern_has_the_length_that_is_asked_for(pattern, least, most):
    text = matching(pattern, least, most)
    assert re.search(pattern, text) and least <= len(text) <= most


@pytest.mark.parametrize(
    "pattern",
    [r"^\p{L}+$", "(", "a{99999}", "(?<=x)^y", "(?!)", "^((a{30}){30}){30}$", r"^x$", "[" * 500],
)
def test_pattern_that_is_not_known_how_has_no_text(pattern):
    text = matching(pattern, 5, 10)
    assert text is None


def test_hostile_pattern_takes_no_time():
    assert matching("^(a+)+$", 900, 1000)  # it is never searched with


@given(st.from_regex(r"[\^\$\[\]a-z0-9\\dws{},()|+*?.-]{0,12}", fullmatch=True))
def test_pattern_is_written_or_refused(pattern):
    text = matching(pattern)
    assert text is None or len(text) <= 1000


@pytest.mark.parametrize(
    ("parameter", "value", "pairs"),
    [
        (Parameter("a", "query", {}, style="form"), [1, 2], [("a", "1"), ("a", "2")]),
        (Parameter("a", "query", {}, style="form", explode=False), [1, 2], [("a", "1,2")]),
        (Parameter("a", "query", {}, style="pipeDelimited", explode=False), [1, 2], [("a", "1|2")]),
        (Parameter("a", "query", {}, style="form"), {"x": True}, [("x", "true")]),
        (Parameter("a", "query", {}, style="deepObject"), {"x": [1]}, [("a[x][0]", "1")]),
        (Parameter("a", "query", {}, content="application/json"), {"x": 1}, [("a", '{"x": 1}')]),
        (Parameter("a", "query", {}), None, [("a", "")]),
    ],
)
def test_parameter_is_written_in_its_style(parameter, value, pairs):
    assert query_pairs(parameter, value) == pairs


def test_path_and_header_are_written():
    assert path_piece(Parameter("a", "path", {}), "a/b c") == "a%2Fb%20c"
    assert header_value(Parameter("A", "header", {}, explode=False), {"x": 1}) == "x,1"


def test_form_has_pairs_and_deep_objects():
    body = Body("application/x-www-form-urlencoded", {}, encoding={"c": {"style": "deepObject"}})
    kind, text = written(body, {"a": ["x", "y"], "b": {"city": "Delft"}, "c": [True], "d": "é&"})
    assert kind == body.media
    assert text == "a=x&a=y&b%5Bcity%5D=Delft&c%5B0%5D=true&d=%C3%A9%26"


def test_multipart_has_files_and_cannot_be_broken_out_of():
    schema = {"properties": {"f": {"format": "binary"}, "g": {"contentMediaType": "image/png"}}}
    name = 'x"\r\nEvil: 1'
    kind, text = written(Body("multipart/form-data", schema), {"f": "a", "g": "b", name: 1})
    boundary = kind.partition("boundary=")[2]
    parts = text.split(f"--{boundary}")
    assert parts[0] == "" and parts[-1] == "--\r\n" and len(parts) == 5
    assert 'name="f"; filename="lab-check.txt"' in parts[1]
    assert "Content-Type: image/png" in parts[2]
    assert "\r\nEvil" not in text


def test_body_of_an_unknown_kind_needs_an_example():
    with pytest.raises(CannotWrite, match="give an example"):
        written(Body("application/xml", {}), "text")
    assert written(Body("application/xml", {}, examples=("<a/>",)), "<a/>")[1] == "<a/>"
    assert written(Body("text/plain", {}), "hello") == ("text/plain", "hello")


def operation(path, name="op", **more):
    return Operation(name, "GET", path, 0, **more)


def parameter(name, where="path"):
    return Parameter(name, where, {})


def learnt(path, document, **headers):
    found = KnownValues()
    found.learn(
        operation(path), None, Answer(201, Headers(headers.items()), json.dumps(document).encode())
    )
    return found


@pytest.mark.parametrize(
    ("made_at", "document", "path", "name", "value"),
    [
        ("/pets", {"id": 7}, "/pets/{petId}", "petId", "7"),
        ("/pets", [{"id": 7}, {"id": 8}], "/pets/{id}", "id", "7"),
        ("/orders", {"orderNumber": "A1", "id": 2}, "/orders/{number}", "number", None),
        ("/orders", {"number": "A1", "id": 2}, "/orders/{orderNumber}", "orderNumber", "A1"),
        ("/users", {"data": {"id": 5}}, "/teams/{user_id}", "user_id", "5"),
        ("/categories", {"id": 5}, "/shop/{category_id}/x", "category_id", "5"),
        ("/a", {"pet_id": "p"}, "/b/{petId}", "petId", "p"),
        ("/a", {"id": True}, "/a/{id}", "id", None),
        ("/a", "text", "/a/{id}", "id", None),
    ],
)
def test_value_of_an_answer_is_found_by_its_names(made_at, document, path, name, value):
    assert learnt(made_at, document).value_of(operation(path), parameter(name)) == value


def test_id_is_the_end_of_a_location_where_the_body_has_none():
    found = learnt("/files", {}, Location="http://x/files/abc?x=1")
    assert found.value_of(operation("/files/{id}"), parameter("id")) == "abc"


def test_token_is_found_under_its_usual_names():
    assert learnt("/login", {"data": {"access_token": "t"}}).token == "t"
    assert learnt("/login", {"tokenizer": "t"}).token is None
