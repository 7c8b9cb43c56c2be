"""A service that answers by an OpenAPI document, and keeps what it is given in a dict.

    python by_document.py DOCUMENT PORT

It refuses what the document forbids: a missing credential (401), a missing or a wrong value (422),
an unknown id (404), another media type (415). So made-up values are tried against a real judge.
With STRICT=0 values are not looked at: for documents whose own examples are wrong.
"""

import json
import os
import re
import sys
from email.message import Message
from email.parser import BytesParser
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema

STRICT = os.environ.get("STRICT", "1") == "1"
kept, numbers = {}, iter(range(4711, 10**6))


def load(path):
    text = Path(path).read_text(encoding="utf-8-sig")
    if path.endswith("json"):
        return json.loads(text)
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return json.loads(json.dumps(yaml.load(text, Loader=loader), default=str))


document = load(sys.argv[1])
is_new = str(document.get("openapi")).startswith("3.1")
Validator = jsonschema.Draft202012Validator if is_new else jsonschema.Draft4Validator


def resolved(value):
    while isinstance(value, dict) and "$ref" in value:
        place = document
        for part in value["$ref"].split("/")[1:]:
            place = place[part.replace("~1", "/").replace("~0", "~")]
        value = place
    return value


def check(schema, value):
    if STRICT and schema:
        rooted = {
            **resolved(schema),
            **{n: document[n] for n in ("components", "definitions", "paths") if n in document},
        }
        validator = Validator(rooted, format_checker=Validator.FORMAT_CHECKER)
        for error in validator.iter_errors(value):
            if error.validator != "required" or not is_read_only(error):
                raise error


def is_read_only(error):
    """Return True if what is missing is only for answers to have."""
    properties = error.schema.get("properties", {})
    missing = [name for name in error.validator_value if name not in error.instance]
    return all(resolved(properties.get(name, {})).get("readOnly") for name in missing)


def typed(schema, values):
    """Return a value of the query or a form as its schema has it."""
    schema = resolved(schema or {})
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [typed(schema.get("items"), [each]) for each in values]
    if kind in ("integer", "number"):
        return json.loads(values[0])
    return values[0] == "true" if kind == "boolean" else values[0]


class Refused(Exception):
    pass


class Handler(BaseHTTPRequestHandler):
    def answer_any(self):
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, found = self.answer(unquote(parts.path), parse_qs(parts.query, True), raw)
        except Refused as error:
            status, found = error.args[0], {"error": str(error.args[1])[:300]}
        except jsonschema.ValidationError as error:
            status, found = 422, {"error": error.message[:300], "at": error.json_path}
        body = b"" if status == 204 else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer_any

    def answer(self, path, query, raw):
        template, item = find(path)
        here = item.get(self.command.lower())
        if here is None:
            raise Refused(405, "no such method")
        self.check_who(here, query)
        parameters = [
            resolved(each) for each in (*item.get("parameters", ()), *here.get("parameters", ()))
        ]
        self.check_parameters(parameters, query)
        body = self.body(here, parameters, raw)
        place = path.rstrip("/")
        return getattr(self, f"on_{self.command.lower()}")(template, place, body)

    def on_get(self, template, place, body):
        if template.endswith("}"):
            if place not in kept:
                raise Refused(404, "there is none")
            return 200, kept[place]
        below = [each for at, each in kept.items() if at.rpartition("/")[0] == place]
        return 200, below or [kept[place]] if place in kept else below

    on_head = on_options = on_get

    def on_post(self, template, place, body):
        fields = body if isinstance(body, dict) else {"value": body}
        number = fields.get("id") or next(numbers)
        made = {**fields, "id": number}
        kept[f"{place}/{number}"] = made
        return 201, made

    def on_put(self, template, place, body):
        kept[place] = body
        return 200, body if body is not None else {}

    def on_patch(self, template, place, body):
        if template.endswith("}") and place not in kept:
            raise Refused(404, "there is none")
        kept[place] = {**(kept.get(place) or {}), **(body if isinstance(body, dict) else {})}
        return 200, kept[place]

    def on_delete(self, template, place, body):
        if template.endswith("}") and kept.pop(place, None) is None:
            raise Refused(404, "there is none")
        return 204, None

    def check_who(self, here, query):
        ways = here.get("security", document.get("security")) or [{}]
        known = document.get("components", {}).get("securitySchemes") or document.get(
            "securityDefinitions", {}
        )
        cookies = SimpleCookie(self.headers.get("Cookie"))

        def brought(name):
            scheme = resolved(known[name])
            if scheme["type"] == "apiKey":
                where = {"query": query, "header": self.headers, "cookie": cookies}
                return scheme["name"] in where[scheme["in"]]
            word = scheme.get("scheme", "basic" if scheme["type"] == "basic" else "bearer")
            return (self.headers.get("Authorization") or "").lower().startswith(word.lower() + " ")

        if not any(all(map(brought, way)) for way in ways):
            raise Refused(401, "say who you are")

    def check_parameters(self, parameters, query):
        cookies = SimpleCookie(self.headers.get("Cookie"))
        for each in parameters:
            where = {"query": query, "header": self.headers, "cookie": cookies}.get(each["in"])
            if where is None:
                continue
            name, schema = each["name"], resolved(each.get("schema") or {})
            is_there = name in where or any(key.startswith(f"{name}[") for key in query)
            if each.get("required") and not is_there and schema.get("type") != "object":
                raise Refused(422, f"{name} is missing")
            if each["in"] == "query" and name in query and "schema" in each:
                values = query[name]
                if schema.get("type") == "array" and not each.get("explode", True):
                    values = values[0].split(",")
                check(each["schema"], typed(schema, values))

    def body(self, here, parameters, raw):
        media = self.headers.get("Content-Type") or ""
        if "swagger" in document:
            whole = next((each for each in parameters if each["in"] == "body"), None)
            form = {each["name"]: each for each in parameters if each["in"] == "formData"}
            schema = whole["schema"] if whole else None
            if form:
                schema = {"type": "object", "properties": form}
        else:
            wanted = resolved(here.get("requestBody") or {}).get("content")
            if not wanted:
                return None
            kind = media.partition(";")[0]
            if kind not in wanted and "*/*" not in wanted:
                raise Refused(415, f"{kind} is none of {list(wanted)}")
            schema = resolved(wanted.get(kind) or wanted["*/*"]).get("schema")
        if "json" in media:
            value = json.loads(raw)
        elif media.startswith("multipart/form-data"):
            return parts_of(media, raw)
        elif media == "application/x-www-form-urlencoded":
            properties = resolved(schema or {}).get("properties", {})
            given = parse_qs(raw.decode(), True)
            value = {name: typed(properties.get(name), each) for name, each in given.items()}
            if any("[" in name for name in value):
                return value
        else:
            return raw.decode()
        if (schema and "swagger" not in document) or (schema and not form):
            check(schema, value)
        return value

    def log_message(self, *args):
        pass


def parts_of(media, raw):
    message = BytesParser().parsebytes(f"Content-Type: {media}\r\n\r\n".encode() + raw)
    if not message.is_multipart():
        raise Refused(422, "no parts")
    parts: list[Message] = message.get_payload()
    return {
        part.get_param("name", header="Content-Disposition"): part.get_payload() for part in parts
    }


def prefixes():
    if "swagger" in document:
        return [document.get("basePath", "").rstrip("/")]
    found = []
    for server in document.get("servers") or [{"url": ""}]:
        url = server["url"]
        for name, each in (server.get("variables") or {}).items():
            url = url.replace("{" + name + "}", str(each["default"]))
        found.append(urlsplit(url).path.rstrip("/"))
    return found


ROUTES = [
    (
        re.compile(
            re.escape(prefix) + re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(template)) + "/?"
        ),
        template,
    )
    for prefix in prefixes()
    for template in sorted(document["paths"], key=lambda path: path.count("{"))
]


def find(path):
    for route, template in ROUTES:
        if route.fullmatch(path):
            return template, resolved(document["paths"][template])
    raise Refused(404, "no such path")


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
