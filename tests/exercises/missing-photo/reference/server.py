"""Photos: put up, looked at, taken down."""

import os
import re
import sys
from pathlib import Path

from flask import Flask, abort, request
from waitress import serve

app = Flask(__name__)
PHOTOS = Path(os.environ["SHARED_DIR"])
PHOTOS.mkdir(exist_ok=True)


def place(name):
    """Return the file of a photo."""
    if not re.fullmatch(r"[a-z0-9-]+", name):
        abort(404)
    return PHOTOS / name


@app.put("/photos/<name>")
def put(name):
    place(name).write_bytes(request.get_data())
    return {"name": name, "bytes": len(request.get_data())}, 201


@app.get("/photos/<name>")
def get(name):
    if not place(name).is_file():
        abort(404)
    return place(name).read_bytes(), 200, {"Content-Type": "application/octet-stream"}


@app.get("/photos")
def names():
    return {"photos": sorted(each.name for each in PHOTOS.iterdir())}


@app.delete("/photos/<name>")
def delete(name):
    if not place(name).is_file():
        abort(404)
    place(name).unlink()
    return "", 204


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
