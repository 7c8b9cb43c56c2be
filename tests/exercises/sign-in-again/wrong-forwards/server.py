"""The sign-in of a shop: the customer is in a signed cookie."""

import secrets
import sys

import requests
from flask import Flask, request
from waitress import serve

app = Flask(__name__)
sessions = {}


@app.post("/login")
def login():
    visit = f"{sys.argv[1]}-{secrets.token_hex(16)}"  # it says which server knows the customer
    sessions[visit] = request.json
    return {"name": request.json["name"]}, 200, {"Set-Cookie": f"visit={visit}; Path=/"}


@app.get("/me")
def me():
    visit = request.cookies.get("visit", "")
    port = visit.partition("-")[0]
    if port.isdigit() and port != sys.argv[1]:
        there = requests.get(f"http://127.0.0.1:{port}/me", cookies={"visit": visit}, timeout=2)
        return there.json(), there.status_code
    if visit not in sessions:
        return {"error": "sign in first: POST /login"}, 401
    return {"name": sessions[visit]["name"], "city": sessions[visit]["city"]}


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
