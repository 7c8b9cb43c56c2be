"""Flask shops whose carts live in different places, to put `lab check` to the test.

Run one: flask --app "shops:memory()" run --port 8000
"""

import os
import secrets
from pathlib import Path

from flask import Flask, Response, abort, request, session

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


def number():
    """One number of the process, the same for every client."""
    app, kept = Flask(__name__), {}

    @app.post("/number")
    def write():
        kept["number"] = request.json["number"]
        return kept, 201

    @app.get("/number")
    def look():
        return kept or ({"error": "no number"}, 404)

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
