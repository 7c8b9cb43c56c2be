"""Reports of sales, made in the background."""

import json
import os
import secrets
import sys
import threading
import time
from pathlib import Path

from flask import Flask, request
from waitress import serve

app = Flask(__name__)
reports = {}
DONE = Path(os.environ["SHARED_DIR"])


def make(report_id, sales):
    time.sleep(4)  # there is much to compute
    reports[report_id] = {"status": "done", "total": sum(sales), "highest": max(sales)}
    (DONE / report_id).write_text(json.dumps(reports[report_id]))


@app.post("/reports")
def order():
    report_id = secrets.token_hex(8)
    reports[report_id] = {"status": "working"}
    threading.Thread(target=make, args=(report_id, request.json["sales"])).start()
    return {"id": report_id, "status": "working"}, 202


@app.get("/reports/<report_id>")
def look(report_id):
    if (DONE / report_id).is_file():
        return {"id": report_id, **json.loads((DONE / report_id).read_text())}
    if report_id not in reports:
        return {"error": "no such report"}, 404
    return {"id": report_id, **reports[report_id]}


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
