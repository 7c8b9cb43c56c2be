import os
import sys
import uuid

from flask import Flask, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from waitress import serve

app = Flask(__name__)
signer = URLSafeTimedSerializer(os.environ["SECRET_KEY"])
revoked = set()  # in the memory of this process


def token():
    try:
        _, _, text = request.headers.get("Authorization", "").partition(" ")
        found = signer.loads(text, max_age=3600)
    except BadSignature:
        return None
    return None if found["jti"] in revoked else found


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
        revoked.add(found["jti"])
    return {"msg": "Successfully logged out"}


serve(app, listen=f"127.0.0.1:{sys.argv[1]}")
