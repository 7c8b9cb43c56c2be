"""Reports of sales, made in the background."""

import contextlib
import json
import os
import secrets
import sqlite3
import sys
import threading
import time

from flask import Flask, request
from waitress import serve

app = Flask(__name__)


def execute(statement, *values):
    """Execute one statement in the database that all servers share."""
    path = os.path.join(os.environ["SHARED_DIR"], "reports.db")
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as opened, opened:
        opened.execute("CREATE TABLE IF NOT EXISTS reports (id TEXT PRIMARY KEY, report TEXT)")
        return opened.execute(statement, values).fetchone()


def make(report_id, sales):
    time.sleep(0.1)  # there is much to compute
    done = {"status": "done", "total": sum(sales), "highest": max(sales)}
    execute("UPDATE reports SET report = ? WHERE id = ?", json.dumps(done), report_id)


@app.post("/reports")
def order():
    report_id = secrets.token_hex(8)
    execute("INSERT INTO reports VALUES (?, ?)", report_id, json.dumps({"status": "working"}))
    threading.Thread(target=make, args=(report_id, request.json["sales"])).start()
    return {"id": report_id, "status": "working"}, 202


@app.get("/reports/<report_id>")
def look(report_id):
    found = execute("SELECT report FROM reports WHERE id = ?", report_id)
    if found is None:
        return {"error": "no such report"}, 404
    return {"id": report_id, **json.loads(found[0])}


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
