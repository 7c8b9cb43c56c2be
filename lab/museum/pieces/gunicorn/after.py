import contextlib
import os
import sqlite3
import sys
import uuid
from pathlib import Path

from flask import Flask, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from waitress import serve

app = Flask(__name__)
signer = URLSafeTimedSerializer(os.environ["SECRET_KEY"])


def revoked():  # in a database of all processes
    database = sqlite3.connect(Path(os.environ["SHARED_DIR"]) / "revoked.db", timeout=10)
    database.execute("CREATE TABLE IF NOT EXISTS revoked (jti TEXT PRIMARY KEY)")
    return database


def token():
    try:
        _, _, text = request.headers.get("Authorization", "").partition(" ")
        found = signer.loads(text, max_age=3600)
    except BadSignature:
        return None
    with contextlib.closing(revoked()) as database:
        gone = database.execute("SELECT 1 FROM revoked WHERE jti = ?", [found["jti"]]).fetchone()
    return None if gone else found


@app.post("/login")
def login():
    return {"token": signer.dumps({"user": request.json["user"], "jti": uuid.uuid4().hex})}


@app.get("/account")
def account():
    found = token()
    return {"user": found["user"]} if found else ({"error": "log in"}, 401)


@app.delete("/login")
def logout():
    found = token()
    if found:
        with contextlib.closing(revoked()) as database, database:
            database.execute("INSERT OR IGNORE INTO revoked VALUES (?)", [found["jti"]])
    return {"msg": "Successfully logged out"}


serve(app, listen=f"127.0.0.1:{sys.argv[1]}")
