"""OpenAPI documents: our own, small ones, and such as are damaged or meant to do harm."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.conversation import recorded
from lab.check.sources.openapi import OpenApiSource
from lab.check.sources.operations import operations
from lab.core.errors import LabError
from lab.core.http import Answer

CONTRACT = Path(__file__).parents[2] / "lab" / "shop" / "openapi.yaml"


def document(**paths):
    return {"openapi": "3.0.3", "paths": {f"/{name}": item for name, item in paths.items()}}


class Willing:
    """A client to which everything succeeds, but for `refused` paths."""

    def __init__(self, refused=()):
        self.sent, self.renewed, self.refused = [], 0, refused

    def __call__(self, call):
        self.sent.append(call)
        if recorded(call.path) in self.refused:
            return Answer(404)
        return Answer(200, body=b'{"token": "token-of-the-day", "id": 7}')

    def renew(self):
        self.renewed += 1


def held(path):
    """Hold a document with a client to which everything succeeds."""
    client = Willing()
    return OpenApiSource(path).record(client), client.sent


def test_each_candidate_is_held_by_a_watcher_of_its_own(tmp_path):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    body = {"content": {"application/json": {"schema": schema}}}
    post = {"operationId": "add", "requestBody": body, "responses": {200: {}}}
    (tmp_path / "a.json").write_text(json.dumps(document(a={"post": post}, b={"post": post})))
    client = Willing(refused=["/b"])
    OpenApiSource(tmp_path / "a.json").record(client)
    assert client.renewed == len(client.sent) / 2 - 1 > 0


def test_one_candidate_is_enough_where_every_operation_succeeds():
    client = Willing()
    OpenApiSource(CONTRACT).record(client)
    assert client.sent and not client.renewed


def test_our_own_contract_becomes_a_conversation_that_logs_in_first():
    conversation, _ = held(CONTRACT)
    titles = [call.title for call in conversation.calls]
    assert titles[0] == "POST /api/login"
    assert {"POST /api/cart/items", "GET /api/cart", "POST /api/checkout"} <= {*titles}
    later = next(call for call in conversation.calls if call.method == "DELETE")
    assert "json:/token" in {ref.where for ref in later.refs()}


def test_examples_links_and_references_are_used(tmp_path):
    told = {
        **document(
            orders={
                "post": {
                    "operationId": "order",
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/s"}}}
                    },
                    "responses": {
                        200: {
                            "links": {
                                "next": {
                                    "operationId": "look",
                                    "parameters": {"number": "$response.body#/id"},
                                }
                            }
                        }
                    },
                },
            },
        ),
        "components": {
            "s": {"type": "object", "required": ["n"], "properties": {"n": {"const": 5}}}
        },
    }
    told["paths"]["/orders/{number}"] = {
        "get": {
            "operationId": "look",
            "parameters": [{"name": "number", "in": "path"}],
            "responses": {},
        }
    }
    import yaml

    (tmp_path / "x.yaml").write_text(yaml.safe_dump(told))
    conversation, sent = held(tmp_path / "x.yaml")
    assert recorded(sent[0].body) == '{"n": 5}'
    assert conversation.calls[1].title == "GET /orders/7"


NODE = {"properties": {name: {"$ref": "#/components/node"} for name in "abcdefghijkl"}}


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (None, "is no OpenAPI 3 document"),
        ([], "is no OpenAPI 3 document"),
        ({"swagger": "2.0"}, "is no OpenAPI 3 document"),
        (document(), "describes no operation"),
        (document(a=None), "is damaged"),
        (document(a={"get": []}), "is damaged"),
        (document(a={"get": {"$ref": "#/paths/~1a/get"}}), "never ends"),
        (document(a={"get": {"$ref": "other.yaml#/x"}}), "within the document"),
        (document(a={"get": {"$ref": "#/nowhere"}}), "is damaged"),
        ({"openapi": "3.1.0", "paths": 5}, "is damaged"),
        ({**document(a={"get": {}}), "servers": "http"}, "is damaged"),
    ],
)
def test_damaged_document_is_refused(damaged, said):
    with pytest.raises(LabError) as told:
        operations(damaged, "x.yaml")
    assert said in str(told.value)


def test_schema_that_contains_itself_ends():
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/node"}}}}
    told = {**document(a={"post": {"requestBody": body}}), "components": {"node": NODE}}
    (found,) = operations(told, "x")
    assert found.body["properties"].keys() == set("abcdefghijkl")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"\x89PNG\r\n",
        b"a: [",
        b"[" * 100_000,
        b"&a [*a]",
        b"2024-99-99",
        b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]",
        b"!!python/object/apply:os.system ['true']",
        b'{"openapi": "3.0.0", "paths": {"/a": {"get": {"parameters": [{"in": "path"}]}}}}',
        b'{"openapi": "3.0.0", "paths": {"/a": {"post": {"requestBody": {"content": {"json": '
        b'{"schema": {"type": "integer", "minimum": "x"}}}}}}}}',
    ],
)
def test_hostile_files_are_refused(content, tmp_path):
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(LabError):
        held(tmp_path / "x.yaml")


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "get",
                        "post",
                        "parameters",
                        "requestBody",
                        "content",
                        "schema",
                        "$ref",
                        "name",
                    ]
                ),
                inner,
            )
        ),
    )
)
def test_any_document_is_understood_or_refused(anything):
    for whole in (anything, document(a=anything), document(a={"get": anything})):
        with pytest.raises(LabError):
            for operation in operations(whole, "x"):
                assert operation.method
            raise LabError("understood")
