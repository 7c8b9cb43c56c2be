"""A command runs in the background; its report is found by a key, in the process that ran it.

After eshaan7/Flask-Shell2HTTP issue 24. With WAIT=1 the answer itself has the report.
"""

import hashlib
import os
import threading

from serve import serve

reports = {}


def run(request):
    words = request.json()["args"]
    key = hashlib.sha1(" ".join(words).encode()).hexdigest()[:8]
    report = {"key": key, "report": f"ran {' '.join(words)}", "returncode": 0}
    if os.environ.get("WAIT"):
        return 200, report
    threading.Timer(0.25, reports.__setitem__, (key, report)).start()
    return 202, {"key": key, "result_url": f"/commands/echo?key={key}"}


def result(request):
    key = request.query.partition("key=")[2]
    if key in reports:
        return 200, reports[key]
    return 404, {"error": f"No report exists for key: '{key}'."}


serve({"POST /commands/echo": run, "GET /commands/echo": result})
