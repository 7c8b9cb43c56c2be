"""A service that starts in one of several unusual ways: python starts.py KIND PORT [MORE].

Its token is signed with a key that all processes have: it keeps nothing, but for "memory".
"""

import hashlib
import hmac
import json
import os
import socket
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KIND, PORT, MORE = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
carts = {}


def token(user):
    return f"{user}.{hmac.new(b'k', user.encode(), hashlib.sha256).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    def reply(self, status, document, *headers):
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), *headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refused(self):
        if KIND != "host" or self.headers["Host"] == "shop.example":
            return False
        self.reply(421, {"error": "not my name"})
        return True

    def do_POST(self):
        user = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["user"]
        if self.refused():
            return
        if KIND == "memory":
            carts[user] = carts.get(user, 0) + 1
            self.reply(200, {"items": carts[user]})
        elif KIND in ("host", "domain"):
            cookie = f"sid={token(user)}; Domain=shop.example; Path=/"
            self.reply(200, {}, ("Set-Cookie", cookie))
        else:
            self.reply(200, {}, ("Set-Cookie", f"sid={token(user)}; Path=/"))

    def do_GET(self):
        if self.refused():
            return
        if self.path == "/":
            self.reply(200, {"shop": KIND})
            return
        carried = self.headers.get("Cookie", "").removeprefix("sid=")
        user = carried.partition(".")[0]
        if KIND == "memory":
            self.reply(200, {"items": carts.get("ada", 0)})
        elif user and token(user) == carried:
            self.reply(200, {"user": user})
        else:
            self.reply(401, {"error": "log in"})

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if KIND == "ipv6" else socket.AF_INET
    daemon_threads = True


def to_background():
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    if KIND == "daemon-clean" and "CLEANED" not in os.environ:
        again = [sys.executable, __file__, "plain", str(PORT)]
        os.execve(sys.executable, again, {"CLEANED": "1"})


if KIND.startswith("daemon"):
    to_background()
if KIND == "slow":
    time.sleep(60)
if KIND == "dir":  # one that cannot start where another one was
    (Path(MORE[0]) / "lock").mkdir()
server = Server(("::1" if KIND == "ipv6" else "127.0.0.1", PORT), Handler)
if KIND == "https":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*MORE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
