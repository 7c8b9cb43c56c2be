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
    """Open the database of wrong tries for one use, alone."""
    path = os.path.join(os.environ["SHARED_DIR"], "tries.db")
    with contextlib.closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as opened:
        opened.execute("BEGIN IMMEDIATE")
        opened.execute("CREATE TABLE IF NOT EXISTS wrong (name TEXT, at REAL)")
        yield opened
        opened.execute("COMMIT")


@app.post("/login")
def login():
    name, password = request.json["name"], request.json["password"]
    with tries() as opened:
        count = "SELECT count(*) FROM wrong WHERE name = ? AND at > ?"
        (made,) = opened.execute(count, [request.remote_addr, time.time() - LOCKED_S]).fetchone()
        right = accounts.get(name) == password
        if made < MOST_WRONG and not right:
            opened.execute("INSERT INTO wrong VALUES (?, ?)", [request.remote_addr, time.time()])
    if made >= MOST_WRONG:
        error = {"error": "too many wrong passwords: wait ten minutes"}
        return error, 429, {"Retry-After": str(LOCKED_S)}
    return {"name": name} if right else ({"error": "wrong name or password"}, 401)


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
