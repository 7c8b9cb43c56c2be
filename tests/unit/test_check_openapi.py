"""OpenAPI documents: our own, small ones, and such as are damaged or meant to do harm."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.conversation import MissingPaths, recorded
from lab.check.judge import Finding, Level, Report
from lab.check.reasons import doubt_document
from lab.check.sources.description import Description
from lab.check.sources.openapi import MOST_API_CALLS, OpenApiSource
from lab.check.sources.reading import operations
from lab.check.sources.settings import OpenApiSettings
from lab.check.sources.values import SchemaValues
from lab.core.errors import LabError
from lab.core.http import Answer, NotSent

NONE = OpenApiSettings()
CONTRACT = Path(__file__).parents[2] / "lab" / "shop" / "openapi.yaml"


def document(**paths):
    return {"openapi": "3.0.3", "paths": {f"/{name}": item for name, item in paths.items()}}


BODY = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {"required": ["n"], "properties": {"n": {"type": "integer"}}}
            }
        }
    }
}


class Willing:
    """A client to which everything succeeds, but for paths with a status of their own."""

    def __init__(self, statuses=None):
        self.sent, self.renewed, self.statuses = [], 0, statuses or {}

    def __call__(self, call):
        self.sent.append(call)
        status = self.statuses.get(recorded(call.path), 200)
        if status != 200:
            return Answer(status)
        return Answer(200, content=b'{"token": "token-of-the-day", "id": 4711}')

    def renew(self):
        self.renewed += 1


def held(path, settings=NONE, client=None):
    """Hold a document with a client to which everything succeeds."""
    client = client or Willing()
    return OpenApiSource(path, settings, clock=lambda: 0.0).record(client), client


def talk_of(document, tmp_path, settings=NONE, client=None):
    (tmp_path / "x.json").write_text(json.dumps(document))
    return held(tmp_path / "x.json", settings, client)[0]


def said(talk):
    """Return the titles of a conversation's calls."""
    return [call.title for call in talk.calls]


def sent(call, name):
    """Return a header that a call sends, None without it."""
    return next((recorded(value) for key, value in call.headers if key == name), None)


def test_conversation_is_held_anew_after_it_was_explored(tmp_path):
    client = Willing()
    talk = talk_of(document(a={"get": {}}), tmp_path, client=client)
    assert client.renewed == 1 and len(client.sent) == 2 and said(talk) == ["GET /a"]


def test_documents_that_depend_on_what_answers_give_are_held_the_same_way_each_time(tmp_path):
    # Drawing by chance failed here: what came next depended on the answers before.
    listed = {"parameters": [{"name": "id", "in": "path"}], "get": {}, "delete": {}}
    whole = document(pets={"get": {}, "post": BODY})
    whole["paths"]["/pets/{id}"] = listed
    one, other = (talk_of(whole, tmp_path) for _ in range(2))
    assert one.calls == other.calls
    assert said(one) == [
        *("POST /pets", "GET /pets", "GET /pets/4711", "DELETE /pets/4711", "GET /pets/4711")
    ]


def test_our_own_contract_becomes_a_conversation_that_logs_in_first():
    conversation, _ = held(CONTRACT)
    titles = said(conversation)
    assert titles[0] == "POST /api/login"
    assert {"POST /api/cart/items", "GET /api/cart", "POST /api/checkout"} <= {*titles}
    later = next(call for call in conversation.calls if call.method == "DELETE")
    assert "json:/token" in {ref.where for ref in later.refs()}


def test_examples_links_and_references_are_used(tmp_path):
    described = {
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
    described["paths"]["/orders/{number}"] = {
        "get": {
            "operationId": "look",
            "parameters": [{"name": "number", "in": "path"}],
            "responses": {},
        }
    }
    import yaml

    (tmp_path / "x.yaml").write_text(yaml.safe_dump(described))
    conversation, client = held(tmp_path / "x.yaml")
    assert recorded(client.sent[0].body) == '{"n": 5}'
    assert conversation.calls[1].title == "GET /orders/4711"


NODE = {"properties": {name: {"$ref": "#/components/node"} for name in "abcdefghijkl"}}


def understood(document):
    return operations(Description(document, "x.yaml"))


@pytest.mark.parametrize("place", ["/b{id}", "/b%7Bid%7D"])
def test_reference_is_a_fragment_of_a_uri(place):
    """RFC 6901, section 6: what may not stand in a URI is written with %."""
    same = {"$ref": "#/paths/" + place.replace("/", "~1") + "/get"}
    described = Description(document(**{"b{id}": {"get": {"summary": "x"}}}), "x.yaml")
    assert described.object(same) == {"summary": "x"}


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (None, "is not an OpenAPI document"),
        ([], "is not an OpenAPI document"),
        ({"openapi": 4}, "is neither an OpenAPI 3 nor a Swagger 2 document"),
        ({"swagger": "1.2"}, "is neither an OpenAPI 3 nor a Swagger 2 document"),
        (document(), "describes no operation"),
        (document(a=None), "is damaged"),
        (document(a={"get": []}), "is damaged"),
        (document(a={"get": {"$ref": "#/paths/~1a/get"}}), "never ends"),
        (document(a={"get": {"$ref": "other.yaml#/x"}}), "bundle it into one file"),
        (document(a={"get": {"$ref": "#/nowhere"}}), "is damaged"),
        ({"openapi": "3.1.0", "paths": 5}, "is damaged"),
        ({**document(a={"get": {}}), "servers": "http"}, "is damaged"),
        ({"openapi": "3.0.0", "paths": {"a": {"get": {}}}}, "begins with /"),
    ],
)
def test_damaged_document_is_refused(damaged, said):
    with pytest.raises(LabError) as raised:
        understood(damaged)
    assert said in str(raised.value)


def test_damaged_operation_is_left_out_and_named(tmp_path):
    talk = talk_of(document(a={"get": {}}, b={"get": {"$ref": "#/nowhere"}}), tmp_path)
    assert said(talk) == ["GET /a"]
    assert "left out, not understood: GET /b: KeyError 'nowhere'" in talk.notes


def test_schema_that_contains_itself_ends():
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/node"}}}}
    described = {**document(a={"post": {"requestBody": body}}), "components": {"node": NODE}}
    (found,) = understood(described).operations
    assert found.body.schema["properties"].keys() == set("abcdefghijkl")
    made = SchemaValues(Description(described, "x"), full=True).of(found.body.schema)
    assert made.keys() == set("abcdefghijkl")


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
def test_document_of_any_kind_is_understood_or_refused(anything):
    for whole in (anything, document(a=anything), document(a={"get": anything})):
        with pytest.raises(LabError):
            for operation in understood(whole).operations:
                assert operation.method
            raise LabError("understood")


SECURED = {
    **document(
        key={"get": {"security": [{"key": []}]}},
        query={"get": {"security": [{"inquery": []}]}},
        cookie={"get": {"security": [{"incookie": []}]}},
        basic={"get": {"security": [{"basic": []}]}},
        bearer={"get": {"security": [{"oauth": ["read"]}]}},
        both={"get": {"security": [{"unknown": []}, {"key": [], "basic": []}]}},
        open={"get": {"security": []}},
    ),
    "components": {
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "inquery": {"type": "apiKey", "in": "query", "name": "k"},
            "incookie": {"type": "apiKey", "in": "cookie", "name": "c"},
            "basic": {"type": "http", "scheme": "basic"},
            "oauth": {"type": "oauth2", "flows": {}},
        }
    },
}


def test_credentials_go_where_the_document_says(tmp_path):
    known = {"key": "k1", "inquery": "k2", "incookie": "k3", "basic": "ada:pw", "oauth": "t"}
    settings = OpenApiSettings(headers=(("X-Tenant", "7"),), credentials=known)
    talk = talk_of(SECURED, tmp_path, settings)
    by = {recorded(call.path).partition("?")[0]: call for call in talk.calls}
    assert sent(by["/key"], "X-Key") == "k1"
    assert recorded(by["/query"].path) == "/query?k=k2"
    assert sent(by["/cookie"], "Cookie") == "c=k3"
    assert sent(by["/basic"], "Authorization") == "Basic YWRhOnB3"
    assert sent(by["/bearer"], "Authorization") == "Bearer t"
    assert sent(by["/both"], "X-Key") == "k1" and sent(by["/both"], "Authorization")
    assert sent(by["/open"], "Authorization") is None
    assert {sent(call, "X-Tenant") for call in talk.calls} == {"7"}


def test_author_is_asked_for_credentials_where_none_are_known(tmp_path):
    client = Willing({f"/{name}": 401 for name in ("a", "b")})
    talk = talk_of(document(a={"get": {}}, b={"get": {}}), tmp_path, client=client)
    assert any("--auth SCHEME=VALUE" in note for note in talk.notes)
    assert "answered 401 (2 times)" in talk.notes[0]


def test_base_path_is_the_documents_unless_another_is_said(tmp_path):
    described = {**document(a={"get": {}}), "servers": [{"url": "https://x.example/api/{v}/"}]}
    described["servers"][0]["variables"] = {"v": {"default": "v3"}}
    assert said(talk_of(described, tmp_path)) == ["GET /api/v3/a"]
    settings = OpenApiSettings(base_path="/b")
    assert said(talk_of(described, tmp_path, settings)) == ["GET /b/a"]
    there = talk_of(described, tmp_path, client=Willing({"/api/v3/a": 404}))
    assert said(there) == ["GET /a"] and any("--base-path" in note for note in there.notes)


def test_fields_are_the_authors_own(tmp_path):
    schema = {"required": ["username"], "properties": {"username": {}, "age": {"type": "integer"}}}
    form = {"application/x-www-form-urlencoded": {"schema": schema}}
    described = document(token={"post": {"requestBody": {"content": form}}})
    settings = OpenApiSettings(fields={"username": "ada l", "age": "36", "no": "x"})
    (call,) = talk_of(described, tmp_path, settings).calls
    assert recorded(call.body) == "username=ada+l&age=36"


def test_required_parameters_are_sent_and_others_are_not(tmp_path):
    def of(name, where, required=True):
        return {"name": name, "in": where, "required": required, "schema": {"type": "string"}}

    wanted = [of("X-Id", "header"), of("c", "cookie"), of("q", "query"), of("p", "query", False)]
    (call,) = talk_of(document(a={"get": {"parameters": wanted}}), tmp_path).calls
    assert recorded(call.path) == "/a?q=text"
    assert sent(call, "X-Id") == "text" and sent(call, "Cookie") == "c=text"


def test_swagger_2_document_is_understood(tmp_path):
    described = {
        "swagger": "2.0",
        "basePath": "/v2",
        "securityDefinitions": {"b": {"type": "basic"}},
        "security": [{"b": []}],
        "paths": {
            "/pets": {
                "post": {"parameters": [{"in": "body", "name": "pet", "schema": {"$ref": "#/d/P"}}]}
            },
            "/pets/{petId}": {
                "post": {
                    "parameters": [
                        {"in": "path", "name": "petId", "type": "integer"},
                        {"in": "formData", "name": "photo", "type": "file", "required": True},
                    ]
                },
                "get": {"parameters": [{"in": "path", "name": "petId", "type": "integer"}]},
            },
        },
        "d": {"P": {"required": ["name"], "properties": {"name": {"type": "string"}}}},
    }
    talk = talk_of(described, tmp_path, OpenApiSettings(credentials={"b": "ada:pw"}))
    made = next(call for call in talk.calls if call.title == "POST /v2/pets")
    assert recorded(made.body) == '{"name": "Ada"}' and sent(made, "Authorization")
    photo = next(call for call in talk.calls if call.title == "POST /v2/pets/4711")
    assert 'name="photo"; filename="lab-check.txt"' in recorded(photo.body)


def test_operation_that_refers_to_a_thing_waits_until_the_service_named_one(tmp_path):
    schema = {"required": ["trip_id"], "properties": {"trip_id": {"type": "integer"}}}
    book = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    talk = talk_of(document(bookings={"post": book, "get": {}}, trips={"get": {}}), tmp_path)
    assert said(talk)[:3] == ["GET /bookings", "GET /trips", "POST /bookings"]
    assert recorded(talk.calls[2].body) == '{"trip_id": 4711}'


def test_refused_value_is_tried_in_other_ways(tmp_path):
    schema = {"oneOf": [{"const": "cat"}, {"const": "dog"}], "example": "fish"}

    class Picky(Willing):
        def __call__(self, call):
            super().__call__(call)
            return Answer(200 if recorded(call.body or ()) == '"dog"' else 422)

    described = document(a={"post": {"requestBody": {"content": {"application/json": {}}}}})
    described["paths"]["/a"]["post"]["requestBody"]["content"]["application/json"]["schema"] = (
        schema
    )
    talk = talk_of(described, tmp_path, client=Picky())
    assert [recorded(call.body) for call in talk.calls] == ['"dog"']


def test_operation_that_ends_the_service_is_left_out(tmp_path):
    class Fragile(Willing):
        gone = False

        def __call__(self, call):
            super().__call__(call)
            self.gone = self.gone or recorded(call.path) == "/exit"
            return Answer(None if self.gone else 200)

        def renew(self):
            super().renew()
            self.gone = False

    talk = talk_of(document(exit={"post": {}}, a={"get": {}}), tmp_path, client=Fragile())
    assert said(talk) == ["GET /a"]
    assert any("POST /exit (no answer)" in note for note in talk.notes)


def test_large_document_ends_within_its_bounds_and_says_what_was_left_out(tmp_path):
    many = document(**{f"a{n}": {"get": {}, "post": BODY} for n in range(700)})
    client = Willing()
    talk = talk_of(many, tmp_path, client=client)
    assert len(client.sent) < 400 and len(talk) <= MOST_API_CALLS
    assert "of 1400 operations are in the conversation" in talk.notes[0]
    assert any("not tried (300 calls were enough to explore it)" in note for note in talk.notes)


def test_exploring_ends_when_its_time_is_over(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(document(**{f"a{n}": {"get": {}} for n in "abc"})))
    now = iter([0.0, 0.0, 1000.0])
    client = Willing()
    talk = OpenApiSource(tmp_path / "x.json", clock=lambda: next(now)).record(client)
    assert said(talk) == ["GET /aa"] and any("30 s were over" in note for note in talk.notes)


def test_operation_answered_not_found_is_tried_once_more_when_all_is_made(tmp_path):
    class Notes(Willing):
        made = False

        def __call__(self, call):
            super().__call__(call)
            self.made = self.made or call.method == "PUT"
            return Answer(200 if self.made else 404)

        def renew(self):
            super().renew()
            self.made = False

    named = {"parameters": [{"name": "name", "in": "path"}], "get": {}, "put": BODY}
    described = {"openapi": "3.0.0", "paths": {"/notes/{name}": named, "/none/{x}": {"get": {}}}}
    talk = talk_of(described, tmp_path, client=Notes())
    assert said(talk)[:2] == ["PUT /notes/Ada", "GET /notes/Ada"]
    lost = {"openapi": "3.0.0", "paths": {"/none/{x}": {"get": {}}}}
    never = talk_of(lost, tmp_path, client=Notes())
    assert len(never) == 1 and "404 (2 times)" in never.notes[0]


def test_stream_without_an_end_is_left_out(tmp_path):
    class Streams(Willing):
        def __call__(self, call):
            super().__call__(call)
            return Answer(200, complete=recorded(call.path) != "/events")

    talk = talk_of(document(events={"get": {}}, a={"get": {}}), tmp_path, client=Streams())
    assert said(talk) == ["GET /a"]
    assert any("GET /events (a stream without an end)" in note for note in talk.notes)


def test_request_that_cannot_be_written_does_not_count_as_the_services_end(tmp_path):
    class Strict(Willing):
        def __call__(self, call):
            super().__call__(call)
            bad = recorded(call.path) != "/good"
            return Answer(None, failure=NotSent()) if bad else Answer(200)

    many = document(**{f"bad{n}": {"get": {}} for n in range(9)}, good={"get": {}})
    client = Strict()
    assert said(talk_of(many, tmp_path, client=client)) == ["GET /good"] and client.renewed == 1


# --- a document of another service

ID = {"parameters": [{"name": "id", "in": "path"}], "get": {}}
FOREIGN = {
    "openapi": "3.0.0",
    "servers": [{"url": "/v1"}],
    "paths": {"/": {"get": {}}, "/books": {"get": {}, "post": {}}, "/books/{id}": ID},
}


class Elsewhere(Willing):
    """A service that has the root and the paths of `here`, and answers OPTIONS anywhere."""

    def __init__(self, *here, status=404):
        super().__init__()
        self.here, self.status = ("/", *here), status

    def __call__(self, call):
        super().__call__(call)
        is_here = recorded(call.path) in self.here or call.method == "OPTIONS"
        return Answer(200 if is_here else self.status)


def test_document_whose_paths_are_mostly_not_there_is_noticed(tmp_path):
    client = Elsewhere()
    assert talk_of(FOREIGN, tmp_path, client=client).missing == MissingPaths("x.json", "", 3, 4)
    whole = {**FOREIGN, "paths": {**FOREIGN["paths"], "/books": {"get": {}, "options": {}}}}
    assert talk_of(whole, tmp_path, client=client).missing == MissingPaths("x.json", "", 2, 3)
    base = OpenApiSettings(base_path="/v2")
    nowhere = talk_of(FOREIGN, tmp_path, base, client).missing
    assert nowhere == MissingPaths("x.json", "/v2", 4, 4)
    refusing = talk_of(FOREIGN, tmp_path, client=Elsewhere(status=405)).missing
    assert refusing == MissingPaths("x.json", "/v1", 4, 4)


def test_thing_that_is_not_found_is_no_missing_path(tmp_path):
    things = {f"/books/{{id}}/{each}": ID for each in ("pages", "loans", "readers")}
    document = {**FOREIGN, "paths": {"/books": {"get": {}}, "/books/{id}": ID, **things}}
    assert talk_of(document, tmp_path, client=Elsewhere("/v1/books")).missing is None


@pytest.mark.parametrize("status", [401, 403, 422, 500, None])
def test_path_that_refuses_is_there(tmp_path, status):
    assert talk_of(FOREIGN, tmp_path, client=Elsewhere(status=status)).missing is None


def found(level, depends=False):
    return Report(level, "so", findings=[Finding(0, "GET /", level, depends=depends)])


PATHS = MissingPaths("x.json", "/v1", 2, 3)


@pytest.mark.parametrize(
    ("report", "succeeded"),
    [
        (found(Level.SELF_CONTAINED), True),
        (found(Level.SELF_CONTAINED, None), True),
        (Report(Level.UNKNOWN, "no request succeeded"), False),
    ],
)
def test_document_of_another_service_proves_no_statelessness(report, succeeded):
    doubt_document(report, PATHS, succeeded=succeeded)
    assert report.level is Level.UNKNOWN and not report.passes(frozenset({Level.SELF_CONTAINED}))
    assert report.because.startswith(
        "x.json may describe another service: 2 of 3 operations were answered 404 or 405 at "
        "http://127.0.0.1:{port}/v1. If it describes this one, give"
    )


@pytest.mark.parametrize(
    ("report", "succeeded"),
    [
        (found(Level.SELF_CONTAINED, True), True),
        (found(Level.PROCESS), True),
        (found(Level.PROCESS), False),
        (found(Level.UNKNOWN), True),
    ],
)
def test_finding_stands_though_paths_are_missing(report, succeeded):
    level = report.level
    doubt_document(report, PATHS, succeeded=succeeded)
    assert (report.level, report.because) == (level, "so")
    assert "may describe another service" in report.notes[0]
