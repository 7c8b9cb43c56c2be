"""An account that is opened by a signed token, until its owner signs out."""

import os
import secrets
import sys

from flask import Flask, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from waitress import serve

app = Flask(__name__)
signer = URLSafeTimedSerializer(os.environ["SECRET_KEY"])


def good_token():
    """Return what the token of this request says; None if it has no good one."""
    _, _, token = request.headers.get("Authorization", "").partition("Bearer ")
    try:
        said = signer.loads(token, max_age=3600)
    except BadSignature:
        return None
    return said


@app.post("/login")
def login():
    return {"token": signer.dumps({"name": request.json["name"], "id": secrets.token_hex(8)})}


@app.get("/account")
def account():
    said = good_token()
    return {"name": said["name"]} if said else ({"error": "sign in: POST /login"}, 401)


@app.post("/logout")
def logout():
    said = good_token()
    if said is None:
        return {"error": "sign in: POST /login"}, 401
    return "", 204


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
