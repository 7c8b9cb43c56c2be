"""The least web server: a route is a function that returns status, document and headers."""

import json
import re
import sys
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def serve(routes):
    """Serve routes, {"POST /sessions/(\\w+)": function}, on the port that is the last argument."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self):
            length = int(self.headers.get("Content-Length") or 0)
            self.raw = self.rfile.read(length)
            self.cookies = {n: m.value for n, m in SimpleCookie(self.headers.get("Cookie")).items()}
            path, _, self.query = self.path.partition("?")
            status, document, headers = 404, {"detail": "Not Found"}, ()
            for route, function in routes.items():
                if found := re.fullmatch(route, f"{self.command} {path}"):
                    status, document, *headers = function(self, *found.groups())
                    break
            body = json.dumps(document).encode()
            self.send_response(status)
            for name, value in (("Content-Type", "application/json"), *headers):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PROPFIND = handle_any

        def json(self):
            return json.loads(self.raw or b"{}")

        def log_message(self, *args):
            pass

    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
