"""Services that need nothing but the standard library, so that they start quickly.

Run one: python -I -S plain.py NAME PORT
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
from pathlib import Path

ROUTES = {}  # (method, path): function; a path that ends in / takes what follows it
AFTER = []  # functions of (status, document, headers), each may change them


def on(method, path):
    def keep(function):
        ROUTES[method, path] = function
        return function

    return keep


class Handler(http.server.BaseHTTPRequestHandler):
    """Finds the function of a route, and sends what it returns as JSON."""

    def _serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.json = json.loads(self.rfile.read(length) or b"null")
        path, _, self.rest = self.path.partition("?")[0].rpartition("/")
        exact = ROUTES.get((self.command, self.path.partition("?")[0]))
        function = exact or ROUTES.get((self.command, f"{path}/"))
        answer = function(self) if function else ({"error": "no such page"}, 404)
        document, status, headers = (
            (*answer, {})[:3] if isinstance(answer, tuple) else (answer, 200, {})
        )
        for change in AFTER:
            status, document, headers = change(status, document, headers)
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, *_):
        pass

    def token(self):
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


NO = {"error": "log in"}, 401


def signed(goods, key=b"a key of all processes"):
    text = base64.urlsafe_b64encode(json.dumps(goods).encode()).decode()
    return f"{text}.{hmac.new(key, text.encode(), 'sha256').hexdigest()}"


def memory():
    """A cart in a dict of the process, found by a cookie."""
    carts = {}

    def cart(request):
        return carts.get(request.headers.get("Cookie", "").removeprefix("sid="))

    @on("POST", "/login")
    def login(request):
        carts[request.json["user"]] = []
        return {}, 200, {"Set-Cookie": f"sid={request.json['user']}"}

    @on("GET", "/cart")
    def view(request):
        return NO if cart(request) is None else {"cart": cart(request)}

    @on("GET", "/products")
    def products(request):
        return {"products": ["pen", "ink"]}


def bearer():
    """A self-contained token: the cart in it, signed."""

    def cart(request):
        text = request.token().partition(".")[0]
        try:
            goods = json.loads(base64.urlsafe_b64decode(text))
        except ValueError:
            return None
        return goods if signed(goods) == request.token() else None

    @on("POST", "/login")
    def login(request):
        return {"token": signed([])}

    @on("POST", "/cart")
    def add(request):
        if cart(request) is None:
            return NO
        goods = [*cart(request), request.json["item"]]
        return {"cart": goods, "token": signed(goods)}, 201

    @on("GET", "/cart")
    def view(request):
        return NO if cart(request) is None else {"cart": cart(request)}


def opaque_token():
    """A token that is only a key into a dict of the process."""
    carts = {}

    @on("POST", "/login")
    def login(request):
        key = hashlib.sha256(request.json["user"].encode()).hexdigest()
        carts[key] = []
        return {"token": key}

    @on("POST", "/cart")
    def add(request):
        if request.token() not in carts:
            return NO
        carts[request.token()].append(request.json["item"])
        return {"cart": carts[request.token()]}, 201

    @on("GET", "/cart")
    def view(request):
        return {"cart": carts[request.token()]} if request.token() in carts else NO


def ready():
    """A cart is worth a look only if somebody logged in, and something was put in."""
    opaque_token()
    look = ROUTES["GET", "/cart"]

    @on("GET", "/cart")
    def view(request):
        found = look(request)
        return found if isinstance(found, dict) and found["cart"] else ({"cart": "empty"}, 404)


def registration():
    """Registers once, in a file that no snapshot of its folder shows."""
    path = Path(os.environ["HIDDEN"])

    @on("POST", "/register")
    def register(request):
        if path.exists():
            return {"error": "taken"}, 409
        path.write_text("ada")
        return {"token": signed([])}, 201

    @on("GET", "/me")
    def me(request):
        return {"name": "ada"} if request.token() == signed([]) else NO


def cache_only():
    """The bearer's shop, with a cache of its product page: answers equal, a header not."""
    bearer()
    seen = {}

    @on("GET", "/products/")
    def product(request):
        hit = request.rest in seen
        seen.setdefault(request.rest, {"name": request.rest, "price": len(request.rest) * 100})
        return seen[request.rest], 200, {"X-Cache": "HIT" if hit else "MISS"}


def rate_limited():
    """The bearer's shop, that answers 429 from the fourth request on."""
    bearer()
    count = []

    def limit(status, document, headers):
        count.append(1)
        if len(count) > 4:  # the first was asked whether the server is there
            return 429, {"error": "slow down"}, {"Retry-After": "60"}
        return status, document, headers

    AFTER.append(limit)


def random_ids():
    """The bearer's shop; every answer has an id and a number of its own."""
    bearer()

    def number(status, document, headers):
        return (
            status,
            {**document, "request": os.urandom(16).hex(), "nonce": os.urandom(8).hex()},
            headers,
        )

    AFTER.append(number)


def counter_file():
    """Counts its visitors in a file."""

    path = Path("counter.txt")

    def read():
        return int(path.read_text() or 0) if path.exists() else 0

    @on("POST", "/visits")
    def visit(request):
        count = read() + 1
        path.write_text(str(count))
        return {"visits": count}, 201

    @on("GET", "/visits")
    def visits(request):
        return {"visits": read()}


def sqlite():
    """Notes in SQLite."""
    import sqlite3

    def run(*what):
        connection = sqlite3.connect("notes.db")
        with connection:
            connection.execute(
                "create table if not exists note (id integer primary key, text text)"
            )
            done = connection.execute(*what)
            found = done.lastrowid, done.fetchone()
        connection.close()
        return found

    @on("POST", "/notes")
    def add(request):
        number, _ = run("insert into note (text) values (?)", [request.json["text"]])
        return {"id": number}, 201, {"Location": f"/notes/{number}"}

    @on("GET", "/notes/")
    def note(request):
        _, found = run("select text from note where id = ?", [request.rest])
        return {"text": found[0]} if found else ({"error": "no such note"}, 404)


def held_price():
    """Draws a price for each thing, and holds it in the process."""
    prices = {}

    @on("GET", "/quotes/")
    def quote(request):
        return {"price": prices.setdefault(request.rest, int.from_bytes(os.urandom(4)) / 100)}


def ids_in_errors():
    """The memory shop; each answer that is an error has an id of its own."""
    memory()

    def number(status, document, headers):
        return (
            status,
            {**document, **({"id": os.urandom(8).hex()} if status > 399 else {})},
            headers,
        )

    AFTER.append(number)


def instance():
    """The bearer's shop; it says which of its processes answers."""
    bearer()
    name = os.urandom(8).hex()

    @on("GET", "/health")
    def health(request):
        return {"boot": name, "pid": os.getpid()}


def idempotency():
    """Remembers Idempotency-Key in the process: the same key gets the same order again."""
    done = {}

    @on("POST", "/orders")
    def order(request):
        key = request.headers["Idempotency-Key"]
        again = key in done
        done.setdefault(key, {"item": request.json["item"], "number": len(done) + 1})
        return done[key], 200 if again else 201


def stale():
    """The number is in a file that all processes share, but each reads it only once."""
    known, path = [], Path("number.txt")

    @on("POST", "/number")
    def write(request):
        path.write_text(str(request.json["number"]))
        known[:] = [request.json["number"]]
        return {"number": known[0]}, 201

    @on("GET", "/number")
    def look(request):
        if not known:
            known[:] = [int(path.read_text()) if path.exists() else 0]
        return {"number": known[0]}


def number():
    """One number of the process, the same for every client."""
    kept = [0]

    @on("POST", "/number")
    def write(request):
        kept[:] = [request.json["number"]]
        return {"number": kept[0]}, 201

    @on("GET", "/number")
    def look(request):
        return {"number": kept[0]} if kept[0] else ({"error": "no number"}, 404)


def nothing():
    """Has no state at all."""

    @on("GET", "/products")
    def products(request):
        return {"products": ["pen", "ink"]}


def broken():
    """Answers 500 whatever is asked."""

    def fail(status, document, headers):
        return 500, {"error": "a mistake"}, {}

    AFTER.append(fail)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
