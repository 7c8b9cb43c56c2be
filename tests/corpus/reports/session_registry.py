"""Sessions are started, and then found by their id in a registry of the module.

After mozarkai/optics-framework issue 351. With FOLDER they are files, as a first mend is.
"""

import json
import os
import uuid
from pathlib import Path

from serve import serve

FOLDER = os.environ.get("FOLDER")
registry = {}


def keep(name, session):
    if FOLDER:
        Path(FOLDER).mkdir(exist_ok=True)
        (Path(FOLDER) / name).write_text(json.dumps(session))
    else:
        registry[name] = session


def find(name):
    if not FOLDER:
        return registry.get(name)
    path = Path(FOLDER) / name
    return json.loads(path.read_text()) if path.exists() else None


def start(request):
    name = str(uuid.uuid4())
    keep(name, {"driver": request.json().get("driver"), "steps": []})
    return 200, {"session_id": name}


def execute(request, name):
    session = find(name)
    if session is None:
        return 404, {"detail": "Session not found"}
    session["steps"].append(request.json()["step"])
    keep(name, session)
    return 200, {"driver": session["driver"], "steps": session["steps"]}


serve({"POST /v1/sessions/start": start, r"POST /v1/sessions/([\w-]+)/execute": execute})
