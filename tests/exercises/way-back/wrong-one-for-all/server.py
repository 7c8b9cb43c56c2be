"""Sign in at another site, and come back."""

import hashlib
import os
import sys

from flask import Flask, redirect, request, session
from waitress import serve

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
STATE = hashlib.sha256(app.secret_key.encode()).hexdigest()


@app.get("/login")
def login():
    session["begun"] = True
    return redirect(f"https://id.example/authorize?state={STATE}")


@app.get("/callback")
def callback():
    if not session.pop("begun", False) or request.args.get("state") != STATE:
        return {"error": "this sign-in is invalid: begin again at /login"}, 400
    session["name"] = request.args["code"]
    return {"name": session["name"]}


@app.get("/me")
def me():
    return {"name": session["name"]} if "name" in session else ({"error": "sign in"}, 401)


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
