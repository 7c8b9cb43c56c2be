"""A sign-in that locks an account after three wrong passwords."""

import contextlib
import json
import os
import sqlite3
import sys
import time

from flask import Flask, request
from waitress import serve

MOST_WRONG, LOCKED_S = 3, 600
app = Flask(__name__)
accounts = json.loads(os.environ["ACCOUNTS"])


@contextlib.contextmanager
def tries():
    """Open the database of wrong tries for one use."""
    path = os.path.join(os.environ["SHARED_DIR"], "tries.db")
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as opened, opened:
        opened.execute("CREATE TABLE IF NOT EXISTS wrong (name TEXT, at REAL)")
        yield opened


@app.post("/login")
def login():
    name, password = request.json["name"], request.json["password"]
    with tries() as opened:
        count = "SELECT count(*) FROM wrong WHERE name = ? AND at > ?"
        (made,) = opened.execute(count, [name, time.time() - LOCKED_S]).fetchone()
    if made >= MOST_WRONG:
        error = {"error": "too many wrong passwords: wait ten minutes"}
        return error, 429, {"Retry-After": str(LOCKED_S)}
    time.sleep(1)  # it takes a while to hash a password
    if accounts.get(name) == password:
        return {"name": name}
    with tries() as opened:
        opened.execute("INSERT INTO wrong VALUES (?, ?)", [name, time.time()])
    return {"error": "wrong name or password"}, 401


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
