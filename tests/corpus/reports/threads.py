"""A web server whose threads or connections remember: KIND says which, none with KIND=none.

After Pylons/waitress issue 194: what one request leaves in a thread, another client's meets.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import waitress

local = threading.local()
kind = os.environ["KIND"]


def application(environ, start_response):
    local.seen = getattr(local, "seen", 0) + (kind == "thread")
    body = json.dumps({"path": environ["PATH_INFO"], "visits": local.seen}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = 0

    def do_GET(self):
        self.seen += 1
        body = json.dumps({"path": self.path, "visits": self.seen}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args):
        pass


port = int(sys.argv[-1])
if kind == "connection":
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
waitress.serve(application, listen=f"127.0.0.1:{port}", threads=4, _quiet=True)
