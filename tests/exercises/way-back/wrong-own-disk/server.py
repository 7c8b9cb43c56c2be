"""Sign in at another site, and come back."""

import os
import secrets
import sys
from pathlib import Path

from flask import Flask, make_response, redirect, request, session
from waitress import serve

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
BEGUN = Path(__file__).with_name("begun")
BEGUN.mkdir(exist_ok=True)


@app.get("/login")
def login():
    browser, state = secrets.token_hex(16), secrets.token_hex(16)
    (BEGUN / browser).write_text(state)
    answer = make_response(redirect(f"https://id.example/authorize?state={state}"))
    answer.set_cookie("browser", browser, httponly=True)
    return answer


@app.get("/callback")
def callback():
    file = BEGUN / Path(request.cookies.get("browser", "none")).name
    state = file.read_text() if file.is_file() else None
    if state is None or state != request.args.get("state"):
        return {"error": "this sign-in is invalid: begin again at /login"}, 400
    session["name"] = request.args["code"]
    return {"name": session["name"]}


@app.get("/me")
def me():
    return {"name": session["name"]} if "name" in session else ({"error": "sign in"}, 401)


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
