import os
import sys

from flask import Flask, request, session
from waitress import serve

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]  # every process has the same


@app.post("/login")
def login():
    session["team"] = request.json["team"]
    return {"welcome": session["team"]}


@app.get("/challenges")
def challenges():
    if "team" not in session:
        return {"error": "log in to see the challenges"}, 401
    return {"team": session["team"], "challenges": ["crypto 100", "web 200"]}


serve(app, listen=f"127.0.0.1:{sys.argv[1]}")
