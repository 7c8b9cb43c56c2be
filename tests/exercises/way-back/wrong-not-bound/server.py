"""Sign in at another site, and come back."""

import os
import secrets
import sys

from flask import Flask, redirect, request, session
from itsdangerous import BadSignature, URLSafeTimedSerializer
from waitress import serve

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
signer = URLSafeTimedSerializer(app.secret_key)


@app.get("/login")
def login():
    state = signer.dumps(secrets.token_hex(8))
    return redirect(f"https://id.example/authorize?state={state}")


@app.get("/callback")
def callback():
    try:
        signer.loads(request.args.get("state", ""), max_age=600)
    except BadSignature:
        return {"error": "this sign-in is invalid: begin again at /login"}, 400
    session["name"] = request.args["code"]
    return {"name": session["name"]}


@app.get("/me")
def me():
    return {"name": session["name"]} if "name" in session else ({"error": "sign in"}, 401)


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
