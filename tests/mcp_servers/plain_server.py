"""A small MCP server of the standard library, which starts fast: `plain_server.py PORT [WORD…]`.

Words: "sessions" gives session ids and keeps them in memory, "counter" counts its calls, "list"
offers one more tool after a call, "stream" answers with event streams that stay open, "modern"
speaks the version without sessions too.
"""

import json
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, WORDS = int(sys.argv[1]), set(sys.argv[2:])
sessions, asked = set(), []


def tools():
    names = ["look", *(["secret"] if asked and "list" in WORDS else [])]
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    hints = {"readOnlyHint": True}
    return [{"name": name, "inputSchema": schema, "annotations": hints} for name in names]


def result_of(message):
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}}
    if method == "server/discover" and "modern" in WORDS:
        return {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
    if method == "tools/list":
        return {"tools": tools()}
    if method == "tools/call":
        asked.append(params["arguments"]["n"])
        calls = {"calls": len(asked)} if "counter" in WORDS else {}
        return {"structuredContent": {**params["arguments"], **calls}, "content": []}
    return None


class Handler(BaseHTTPRequestHandler):
    """Answers POST /mcp, and nothing else."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        """Answer /left with the sessions that there are."""
        left = json.dumps(sorted(sessions)).encode()
        self.answer(200, left) if self.path == "/left" else self.answer(404, b"")

    def do_DELETE(self):
        sessions.discard(self.headers.get("Mcp-Session-Id"))
        self.answer(204, b"")

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/mcp":
            self.answer(404, b"")
            return
        modern = "_meta" in message.get("params", {}) and "modern" in WORDS
        given = []
        if "sessions" in WORDS and not modern:
            if message["method"] == "initialize":
                given = [("Mcp-Session-Id", uuid.uuid4().hex)]
                sessions.add(given[0][1])
            elif self.headers.get("Mcp-Session-Id") not in sessions:
                self.say(404, message, {"error": {"code": -32600, "message": "Session not found"}})
                return
        if "id" not in message:
            self.answer(202, b"")
        elif (result := result_of(message)) is None:
            self.say(404, message, {"error": {"code": -32601, "message": "Method not found"}})
        else:
            self.say(200, message, {"result": result}, given)

    def say(self, status, message, said, headers=()):
        body = json.dumps({"jsonrpc": "2.0", "id": message.get("id"), **said}).encode()
        if "stream" in WORDS and status == 200:
            self.send_response(200)
            for name, value in [*headers, ("Content-Type", "text/event-stream")]:
                self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"event: message\ndata: " + body + b"\n\n")
            self.wfile.flush()
            self.connection.settimeout(60)
            self.connection.recv(1)  # open until the client leaves
            return
        self.answer(status, body, [*headers, ("Content-Type", "application/json")])

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
