import os
import secrets
import sys

from flask import Flask, redirect, request, session
from waitress import serve

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]  # Flask keeps the session in a signed cookie


@app.get("/login")
def login():
    session["oauth_state"] = secrets.token_urlsafe(16)
    return redirect(f"https://id.example/authorize?state={session['oauth_state']}")


@app.get("/callback")
def callback():
    if session.pop("oauth_state", None) != request.args["state"]:
        return {"error": "Invalid state parameter"}, 401
    return {"welcome": request.args["code"]}


serve(app, listen=f"127.0.0.1:{sys.argv[1]}")
