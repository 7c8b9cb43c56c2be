"""Sessions in a store that this service connects to anew in each request, for a moment.

Run it: python -I -S short_store.py PLACE PORT; PLACE is a port of this machine, or a unix socket.
"""

import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

PLACE = sys.argv[1]


def ask(line):
    """Send a line to the store, return its answer."""
    family = socket.AF_INET if PLACE.isdigit() else socket.AF_UNIX
    with socket.socket(family) as store:
        store.connect(("127.0.0.1", int(PLACE)) if PLACE.isdigit() else PLACE)
        store.sendall(f"{line}\n".encode())
        return store.recv(100).decode().strip()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        ask("SET ada")
        self.answer(200)

    def do_GET(self):
        self.answer(404 if self.path == "/" else 200 if ask("GET ada") == "yes" else 401)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
