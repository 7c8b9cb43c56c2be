"""Values for JSON Schemas: valid by the schema, the same every time, and never without an end."""

import jsonschema
import pytest

from lab.check.mcp.values import MOST_SCHEMAS, NoValue, value_for

TREE = {
    "$defs": {
        "tree": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
                "up": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
            },
            "required": ["name", "parts", "up"],
        }
    },
    "$ref": "#/$defs/tree",
}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string"},
        {"type": "string", "minLength": 30, "maxLength": 31},
        {"type": "string", "maxLength": 0},
        {"type": "string", "pattern": "^[A-Z]{3}$"},
        {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\d$"},
        {"type": "string", "format": "uuid"},
        {"type": "string", "format": "no-such-format"},
        {"type": "string", "enum": ["b", "c"]},
        {"const": {"deep": [1]}},
        {"type": "integer", "minimum": 5, "maximum": 6},
        {"type": "integer", "exclusiveMinimum": 5},
        {"type": "integer", "maximum": -3},
        {"type": "integer", "multipleOf": 7, "minimum": 20},
        {"type": "number", "exclusiveMaximum": 0},
        {"type": "number", "minimum": 0.1, "maximum": 0.2},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["null", "integer"]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 3},
        {"type": "array", "maxItems": 0},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "b"]},
        {"anyOf": [{"type": "null"}, {"type": "integer"}]},
        {"oneOf": [False, {"type": "integer", "minimum": 3}]},
        {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}]},
        {"type": "object", "anyOf": [{"required": ["a"]}], "properties": {"a": {"type": "null"}}},
        {"properties": {"x": {"$ref": "#/properties/y"}, "y": {"type": "null"}}, "required": ["x"]},
        {"type": "object", "required": ["a"], "properties": {"a": True}},
        TREE,
    ],
)
def test_value_is_one_that_the_schema_allows(schema):
    value = value_for(schema)
    jsonschema.Draft202012Validator(schema).validate(value)
    assert value_for(schema) == value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "default": 9}, 9),
        ({"type": "string", "examples": ["Ada", "Bob"]}, "Ada"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),  # nothing last
        ({"type": "boolean"}, False),  # what is switched on may do more
    ],
)
def test_value_that_a_schema_offers_comes_first(schema, value):
    assert value_for(schema) == value


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/nothing/there"},
        {"$ref": 7},
        {"allOf": [{"$ref": "#"}]},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "array", "minItems": 10**9},
        {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"const": 1}},
        {"type": "string", "minLength": 10**12},
        {"type": "string", "minLength": 5, "maxLength": 2},
        {"type": "string", "pattern": "(a+)+$" * 50},
        {"type": "string", "pattern": "["},
        {"type": "string", "pattern": 4},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"oneOf": [False, False]},
        {"allOf": [{"type": "string"}, False]},
    ],
)
def test_schema_without_a_value_is_refused_soon(schema):
    with pytest.raises(NoValue):
        value_for(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": {"a": 1}},
        {"type": []},
        {"enum": 7},
        {"enum": []},
        {"examples": "x"},
        {"properties": 3, "required": 4, "type": "object"},
        {"required": [1, None, ["a"]], "type": "object"},
        {"minimum": "many", "type": "integer"},
        {"minimum": float("nan"), "type": "number"},
        {"minimum": True, "type": "integer"},
        {"minLength": -1},
        {"minLength": 1e400},
        {"allOf": 3, "anyOf": {}, "oneOf": None},
        {"items": 7, "type": "array"},
        {"format": ["uuid"]},
        [],
        7,
        None,
    ],
)
def test_damaged_schema_ends_with_a_value_or_a_reason(schema):
    try:
        value_for(schema)
    except NoValue as reason:
        assert str(reason)


def test_schema_that_grows_at_each_level_ends_within_its_bound():
    wide = {"$ref": "#/$defs/0", "$defs": {}}
    for level in range(10):
        names = [f"n{each}" for each in range(10)]
        wide["$defs"][str(level)] = {
            "type": "object",
            "properties": {name: {"$ref": f"#/$defs/{level + 1}"} for name in names},
            "required": names,
        }
    wide["$defs"]["10"] = {"type": "null"}
    with pytest.raises(NoValue, match="nested too deeply"):  # 10**10 values
        value_for(wide)
    assert MOST_SCHEMAS < 10**4


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|aa)+$", "(.*)*x", "^(([a-z])+.)+[A-Z]$", ".*" * 12 + "x"]
)
def test_pattern_that_takes_for_ever_is_not_tried_on_long_texts(pattern):
    for least in (0, 38):
        try:
            value_for({"type": "string", "pattern": pattern, "minLength": least})
        except NoValue:
            continue
