"""A sign-in that locks an account after three wrong passwords."""

import json
import os
import sys
import threading
import time

from flask import Flask, request
from waitress import serve

MOST_WRONG, LOCKED_S = 3, 600
app = Flask(__name__)
accounts = json.loads(os.environ["ACCOUNTS"])
wrong = {}  # when the wrong tries for a name were made
lock = threading.Lock()


@app.post("/login")
def login():
    name, password = request.json["name"], request.json["password"]
    with lock:
        tries = [at for at in wrong.get(name, []) if at > time.time() - LOCKED_S]
        if len(tries) >= MOST_WRONG:
            error = {"error": "too many wrong passwords: wait ten minutes"}
            return error, 429, {"Retry-After": str(LOCKED_S)}
        if accounts.get(name) == password:
            return {"name": name}
        wrong[name] = [*tries, time.time()]
        return {"error": "wrong name or password"}, 401


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
