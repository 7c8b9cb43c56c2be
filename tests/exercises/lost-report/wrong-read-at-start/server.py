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
FILE = Path(os.environ["SHARED_DIR"]) / "reports.json"
if FILE.exists():
    reports.update(json.loads(FILE.read_text()))


def keep():
    """Write all reports down."""
    aside = FILE.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    aside.write_text(json.dumps(reports))
    aside.replace(FILE)


def make(report_id, sales):
    time.sleep(0.1)  # there is much to compute
    reports[report_id] = {"status": "done", "total": sum(sales), "highest": max(sales)}
    keep()


@app.post("/reports")
def order():
    report_id = secrets.token_hex(8)
    reports[report_id] = {"status": "working"}
    keep()
    threading.Thread(target=make, args=(report_id, request.json["sales"])).start()
    return {"id": report_id, "status": "working"}, 202


@app.get("/reports/<report_id>")
def look(report_id):
    if report_id not in reports:
        return {"error": "no such report"}, 404
    return {"id": report_id, **reports[report_id]}


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
