"""The sign-in of a shop: the customer is in a signed cookie."""

import base64
import json
import sys

from flask import Flask, request
from waitress import serve

app = Flask(__name__)


@app.post("/login")
def login():
    text = base64.urlsafe_b64encode(json.dumps(request.json).encode()).decode()
    return {"name": request.json["name"]}, 200, {"Set-Cookie": f"customer={text}; Path=/"}


@app.get("/me")
def me():
    try:
        customer = json.loads(base64.urlsafe_b64decode(request.cookies["customer"]))
    except (KeyError, ValueError):
        return {"error": "sign in first: POST /login"}, 401
    return {"name": customer["name"], "city": customer["city"]}


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
