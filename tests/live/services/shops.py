"""Small services whose state lives in different places, to put `lab check` to the test.

Run one: flask --app "shops:memory()" run --port 8000
"""

import hashlib
import json
import os
import secrets
import sqlite3
import uuid
from pathlib import Path

from flask import Flask, Response, abort, request, session
from itsdangerous import BadSignature, URLSafeSerializer

FOLDER = Path(os.environ.get("SHOP_FOLDER", "."))


def memory():
    """A cart in a dict of the process, found by a cookie."""
    app, carts = Flask(__name__), {}

    @app.post("/login")
    def login():
        response = Response("{}", 200, content_type="application/json")
        key = request.json["user"]
        carts.setdefault(key, [])
        response.set_cookie("sid", key)
        return response

    @app.post("/cart")
    def add():
        cart = carts.get(request.cookies.get("sid"))
        if cart is None:
            abort(401)
        cart.append(request.json["item"])
        return {"cart": cart}, 201

    @app.get("/cart")
    def view():
        cart = carts.get(request.cookies.get("sid"))
        return {"cart": cart} if cart is not None else ({"error": "log in"}, 401)

    @app.get("/products")
    def products():
        return {"products": ["pen", "ink"]}

    return app


def signed_cookie():
    """Flask's own session: the cart in a signed cookie, the key the same everywhere."""
    return _with_session(Flask(__name__), secret="the same key in every process")


def per_process_key():
    """The same, with a key that each process makes for itself."""
    return _with_session(Flask(__name__), secret=secrets.token_hex(16))


def session_file():
    """Flask-Session with files: any process can serve, as long as the folder is there."""
    from cachelib.file import FileSystemCache
    from flask_session import Session

    app = Flask(__name__)
    app.config.update(SESSION_TYPE="cachelib", SESSION_SERIALIZATION_FORMAT="json")
    app.config["SESSION_CACHELIB"] = FileSystemCache(str(FOLDER / "sessions"))
    Session(app)
    return _with_session(app, secret="unused")


def session_store():
    """Flask-Session with a Redis or Valkey."""
    from flask_session import Session
    from redis import Redis

    app = Flask(__name__)
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=Redis.from_url(os.environ["STORE_URL"]))
    Session(app)
    return _with_session(app, secret="unused")


def _with_session(app, secret):
    app.secret_key = secret

    @app.post("/login")
    def login():
        session["cart"] = []
        return {"user": request.json["user"]}

    @app.post("/cart")
    def add():
        session["cart"] = [*session.get("cart", []), request.json["item"]]
        return {"cart": session["cart"]}, 201

    @app.get("/cart")
    def view():
        return {"cart": session.get("cart", [])}

    return app


def bearer():
    """A self-contained token: the cart in it, signed."""
    app, signer = Flask(__name__), URLSafeSerializer("a key of all processes")

    def cart():
        try:
            return signer.loads(request.headers["Authorization"].removeprefix("Bearer "))
        except (KeyError, BadSignature):
            abort(401)

    @app.post("/login")
    def login():
        return {"token": signer.dumps([])}

    @app.post("/cart")
    def add():
        goods = [*cart(), request.json["item"]]
        return {"cart": goods, "token": signer.dumps(goods)}, 201

    @app.get("/cart")
    def view():
        return {"cart": cart()}

    return app


def opaque_token():
    """A token that is only a key into a dict of the process."""
    app, carts = Flask(__name__), {}

    def cart():
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if key not in carts:
            abort(401)
        return carts[key]

    @app.post("/login")
    def login():
        key = hashlib.sha256(request.json["user"].encode()).hexdigest()
        carts[key] = []
        return {"token": key}

    @app.post("/cart")
    def add():
        cart().append(request.json["item"])
        return {"cart": cart()}, 201

    @app.get("/cart")
    def view():
        return {"cart": cart()}

    return app


def cache_only():
    """The bearer's shop, with a cache of its product page: answers equal, a header not."""
    app, seen = bearer(), {}

    @app.get("/products/<name>")
    def product(name):
        hit = name in seen
        seen.setdefault(name, {"name": name, "price": len(name) * 100})
        return seen[name], 200, {"X-Cache": "HIT" if hit else "MISS"}

    return app


def rate_limited():
    """The bearer's shop, that answers 429 from the sixth request on."""
    app, count = bearer(), []

    @app.before_request
    def limit():
        count.append(1)
        if len(count) > 5:
            return {"error": "slow down"}, 429, {"Retry-After": "60"}
        return None

    return app


def random_ids():
    """The bearer's shop; every answer has an id and a time of its own."""
    app = bearer()

    @app.after_request
    def number(response):
        if response.is_json:
            body = {**response.json, "request": str(uuid.uuid4()), "nonce": secrets.token_hex(8)}
            response.data = json.dumps(body)
        return response

    return app


def counter_file():
    """Counts its visitors in a file."""
    app, path = Flask(__name__), FOLDER / "counter.txt"

    @app.post("/visits")
    def visit():
        count = int(path.read_text() or 0) + 1 if path.exists() else 1
        path.write_text(str(count))
        return {"visits": count}, 201

    @app.get("/visits")
    def visits():
        return {"visits": int(path.read_text()) if path.exists() else 0}

    return app


def sqlite():
    """Notes in SQLite."""
    app = Flask(__name__)

    def base():
        connection = sqlite3.connect(FOLDER / "notes.db")
        connection.execute("create table if not exists note (id integer primary key, text text)")
        return connection

    @app.post("/notes")
    def add():
        with base() as connection:
            made = connection.execute("insert into note (text) values (?)", [request.json["text"]])
            number = made.lastrowid
        connection.close()
        return {"id": number}, 201

    @app.get("/notes/<int:number>")
    def note(number):
        connection = base()
        found = connection.execute("select text from note where id = ?", [number]).fetchone()
        connection.close()
        return {"text": found[0]} if found else ({"error": "no such note"}, 404)

    return app


def idempotency():
    """Remembers Idempotency-Key in the process: the same key gets the same order again."""
    app, done = Flask(__name__), {}

    @app.post("/orders")
    def order():
        key = request.headers["Idempotency-Key"]
        again = key in done
        done.setdefault(key, {"item": request.json["item"], "number": len(done) + 1})
        return done[key], 200 if again else 201

    return app


def nothing():
    """Has no state at all."""
    app = Flask(__name__)

    @app.get("/products")
    def products():
        return {"products": ["pen", "ink"]}

    return app


def broken():
    """Answers 500 whatever is asked."""
    app = Flask(__name__)

    @app.before_request
    def fail():
        return {"error": "a mistake"}, 500

    return app
