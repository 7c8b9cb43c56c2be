"""Reports of sales, made in the background."""

import base64
import json
import sys

from flask import Flask, request
from waitress import serve

app = Flask(__name__)


@app.post("/reports")
def order():
    report_id = base64.urlsafe_b64encode(json.dumps(request.json["sales"]).encode()).decode()
    return {"id": report_id, "status": "working"}, 202


@app.get("/reports/<report_id>")
def look(report_id):
    try:
        sales = json.loads(base64.urlsafe_b64decode(report_id))
        done = {"status": "done", "total": sum(sales), "highest": max(sales)}
    except (TypeError, ValueError):
        return {"error": "no such report"}, 404
    return {"id": report_id, **done}


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
