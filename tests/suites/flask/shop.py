"""A shop whose cart is in a signed cookie, or in a dict of the process (KEEP=memory)."""

import os
import secrets

from flask import Flask, request, session

PRODUCTS = {"pen": 250, "ink": 900, "paper": 400}
app = Flask(__name__)
app.secret_key = "the same key in every process"
carts = {}


def cart():
    """Return the cart of this client, None if it has not logged in."""
    if os.environ.get("KEEP") == "memory":
        return carts.get(session.get("visit"))
    return session.get("cart")


@app.get("/products")
def products():
    return PRODUCTS


@app.post("/login")
def login():
    session["visit"] = secrets.token_hex(8)
    session["cart"] = []
    carts[session["visit"]] = []
    return {"hello": request.json["name"]}


@app.post("/cart")
def add():
    mine = cart()
    if mine is None:
        return {"error": "log in"}, 401
    if request.json["item"] not in PRODUCTS:
        return {"error": "no such product"}, 404
    mine.append(request.json["item"])
    session.modified = True
    return {"cart": mine}, 201


@app.get("/cart")
def view():
    mine = cart()
    return {"cart": mine} if mine is not None else ({"error": "log in"}, 401)
