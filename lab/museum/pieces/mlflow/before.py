import os
import secrets
import sys

from cachelib import FileSystemCache
from flask import Flask, redirect, request, session
from flask_session import Session
from waitress import serve

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
app.config["SESSION_TYPE"] = "cachelib"
app.config["SESSION_CACHELIB"] = FileSystemCache("flask_session")  # on the disk of this pod
Session(app)


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
