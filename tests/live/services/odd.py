"""Services that behave badly: python odd.py KIND PORT"""

import http.server
import os
import socket
import sys
import time

kind, port = sys.argv[1], int(sys.argv[2])


class Visits(http.server.BaseHTTPRequestHandler):
    """Counts in the memory of its own process."""

    visits = 0
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer()

    def do_POST(self):
        type(self).visits += 1
        self._answer()

    def _answer(self):
        body = b'{"visits": %d}' % self.visits
        self.send_response(200 + 3 * (kind == "workers" and self.visits == 0))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(on=port):
    server = http.server.HTTPServer(("127.0.0.1", on), Visits)
    server.serve_forever()


if kind == "dies":
    sys.exit("no configuration file: cannot start")
elif kind == "silent":
    time.sleep(600)
elif kind == "elsewhere":
    serve(0)
elif kind == "hangs":
    listener = socket.create_server(("127.0.0.1", port))
    time.sleep(600)
elif kind == "slow":
    time.sleep(2)
    serve()
elif kind == "sluggish":
    Visits.do_POST = lambda self: (time.sleep(0.5), self._answer())
    serve()
elif kind == "workers":
    # A fork server: four processes accept on one socket, each with a memory of its own.
    server = http.server.HTTPServer(("127.0.0.1", port), Visits)
    for _ in range(3):
        if os.fork() == 0:
            break
    server.serve_forever()
elif kind == "children":
    if os.fork() == 0:
        os.setsid()  # a group of its own
        time.sleep(600)
    serve()
