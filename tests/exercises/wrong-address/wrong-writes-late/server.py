"""The addresses of a shop's customers."""

import contextlib
import os
import sqlite3
import sys
import threading
import time
from pathlib import Path

from flask import Flask, abort, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from waitress import serve

app = Flask(__name__)
signer = URLSafeTimedSerializer(os.environ["SECRET_KEY"])
changed = {}


def write_changes():
    """Write the last changes into the database, a few seconds later."""
    while True:
        time.sleep(10)
        for name in list(changed):
            with database() as opened:
                values = [name, changed.pop(name)]
                opened.execute("INSERT OR REPLACE INTO addresses VALUES (?, ?)", values)


@contextlib.contextmanager
def database():
    """Open the database of the addresses for one use."""
    path = Path(os.environ["SHARED_DIR"]) / "addresses.db"
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as opened, opened:
        opened.execute("CREATE TABLE IF NOT EXISTS addresses (name TEXT PRIMARY KEY, address TEXT)")
        yield opened


def customer():
    """Return the name of who asks."""
    _, _, token = request.headers.get("Authorization", "").partition("Bearer ")
    try:
        return signer.loads(token, max_age=3600)
    except BadSignature:
        abort(401)


def account(name):
    """Return what is known of a customer."""
    with database() as opened:
        found = opened.execute("SELECT address FROM addresses WHERE name = ?", [name]).fetchone()
    return {"name": name, "address": changed.get(name) or (found[0] if found else None)}


@app.post("/login")
def login():
    return {"token": signer.dumps(request.json["name"])}


@app.get("/account")
def look():
    return account(customer())


@app.put("/account")
def change():
    name = customer()
    changed[name] = request.json["address"]
    return account(name)


if __name__ == "__main__":
    threading.Thread(target=write_changes, daemon=True).start()
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
