"""The sign-in of a shop: the customer is in a signed cookie."""

import sys

from flask import Flask, request, session
from waitress import serve

app = Flask(__name__)
app.secret_key = "horse-battery-staple"


@app.post("/login")
def login():
    session["name"] = request.json["name"]
    session["city"] = request.json["city"]
    return {"name": session["name"]}


@app.get("/me")
def me():
    if "name" not in session:
        return {"error": "sign in first: POST /login"}, 401
    return {"name": session["name"], "city": session["city"]}


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
