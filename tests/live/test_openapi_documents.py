"""`lab check --openapi` on services that answer by a document: ours, and such as others publish."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.core.environment import current_environment

SERVICES = Path(__file__).parent / "services"
FOLDER = os.environ.get("TWO_DESKS_OPENAPI")
DOCUMENTS = sorted(each for each in Path(FOLDER).iterdir() if each.is_file()) if FOLDER else []
STRICT_BYTES = 2_000_000  # a larger document's values are not looked at: that takes seconds each
NO_ENDLESS_RUN_S = 320
ROOT_ONLY = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Root(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Root).serve_forever()
"""


def check(document, folder, *options):
    """Return how a check of a service that answers by this document ended."""
    strict = document.stat().st_size < STRICT_BYTES
    service = f"{sys.executable} {SERVICES / 'by_document.py'} {document} {{port}}"
    words = [sys.executable, "-m", "lab", "check", "--json", "--start", service]
    words += ["--env", f"STRICT={int(strict)}", "--openapi", str(document), *options]
    environment = {**current_environment(), "LIBRARY_KEY": "k3y-of-the-library"}
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=NO_ENDLESS_RUN_S, env=environment
    )


@pytest.mark.long
def test_values_that_a_document_asks_for_are_sent(tmp_path):
    who = ("--auth", "key=${LIBRARY_KEY}", "--auth", "member=ada:secret-of-ada")
    ended = check(SERVICES / "library.json", tmp_path, *who)
    assert ended.returncode == 1, ended.stderr
    report = json.loads(ended.stdout)
    assert report["verdict"] == "state in the process", report["because"]
    statuses = {call["request"].partition("?")[0]: call["status"] for call in report["calls"]}
    assert statuses["POST /v1/books"] == 201 and statuses["POST /v1/loans"] == 201
    assert 200 in (statuses["PUT /v1/books/4711/cover"], statuses["GET /v1/loans/4712"])
    assert "7 of 8 operations are in the conversation" in report["notes"][0]
    assert "GET /damaged" in report["notes"][1] and "bundle it" in report["notes"][1]
    assert "k3y-of-the-library" not in ended.stdout


@pytest.mark.long
def test_document_of_another_service_is_no_reason_to_pass(tmp_path):
    """But for the root, which every service has."""
    missing = {"get": {"responses": {"200": {"description": "a list"}}}}
    paths = {"/": missing, "/trips": missing, "/trips/{id}": missing}
    (tmp_path / "trips.json").write_text(json.dumps({"openapi": "3.0.3", "paths": paths}))
    (tmp_path / "service.py").write_text(ROOT_ONLY)
    words = [
        sys.executable,
        "-m",
        "lab",
        "check",
        "--start",
        f"{sys.executable} service.py {{port}}",
    ]
    ended = subprocess.run(
        [*words, "--reset", "true", "--openapi", "trips.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=NO_ENDLESS_RUN_S,
    )
    assert ended.returncode == 3, ended.stderr
    said = " ".join(ended.stdout.split())
    assert "trips.json may describe another service: 2 of 3 operations were answered 404" in said
    assert "at http://127.0.0.1:{port}. If it describes this one" in said


if FOLDER:  # the documents are other people's, and not shipped

    @pytest.mark.long
    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
    def test_published_document_ends_with_an_answer(document, tmp_path):
        from lab.check.sources.description import read

        root = read(document).root
        known = (root.get("components") or {}).get("securitySchemes")
        known = known or root.get("securityDefinitions") or {}
        who = [word for name in known for word in ("--auth", f"{name}=ada:secret-of-ada")]
        ended = check(document, tmp_path, *who)
        assert "Traceback" not in ended.stderr
        report = json.loads(ended.stdout)
        assert not report["partial"], report["notes"]
        assert report["verdict"] != "unknown", report["because"]
