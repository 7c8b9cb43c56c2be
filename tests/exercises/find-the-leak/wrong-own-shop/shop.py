"""A shop with wishes, and a cache because it was slow."""

import secrets
from collections.abc import Callable

from flask import Flask, request, session

app = Flask(__name__)
app.secret_key = "the same at every server, and not part of this exercise"

PRODUCTS = ["kite", "lantern", "globe", "kettle"]
customers: dict[str, str] = {}
wishes: dict[str, list[str]] = {}
wall: list[str] = []
kept: dict[tuple[str, ...], object] = {}


def from_cache(key: tuple[str, ...], make: Callable[[], object]) -> object:
    """Return what is kept under `key`; make it first if there is nothing."""
    if key not in kept:
        kept[key] = make()
    return kept[key]


def customer() -> str:
    """Return the id of the customer who asks."""
    return session.get("customer", "")


@app.before_request
def require_login():
    if request.path not in ("/", "/login", "/products", "/wall") and customer() not in customers:
        return {"error": "log in first: POST /login"}, 401


@app.get("/")
def home():
    return {"shop": "wishes"}


@app.post("/login")
def login():
    session["customer"] = secrets.token_hex(8)
    customers[customer()] = request.json["name"]
    wishes[customer()] = []
    return {"hello": customers[customer()]}


@app.get("/products")
def products():
    return {"products": from_cache(("products",), lambda: sorted(PRODUCTS))}


@app.post("/wishes")
def wish():
    wishes[customer()].append(request.json["wish"])
    kept.pop(("wishes", customer()), None)
    return {"wishes": len(wishes[customer()])}, 201


@app.get("/wishes")
def show_wishes():
    return {"wishes": from_cache(("wishes",), lambda: list(wishes[customer()]))}


@app.get("/ideas")
def ideas():
    def make():
        liked = wishes[customer()][-1:] or PRODUCTS[:1]
        return [f"goes well with your {each}" for each in liked]

    return {"ideas": from_cache(("ideas", request.full_path), make)}


@app.get("/greeting")
def greeting():
    return {"greeting": from_cache(("hello", customer()), lambda: f"Hello {customers[customer()]}")}


@app.post("/wall")
def write_on_the_wall():
    wall.append(request.json["text"])
    return {"written": True}, 201


@app.get("/wall")
def read_the_wall():
    return {"wall": wall}
