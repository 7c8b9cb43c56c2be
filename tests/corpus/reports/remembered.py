"""What a process remembers of what a client said: each of these is a service, named by NAME."""

import itertools
import os
import uuid

from serve import serve

remembered = {}
tries = itertools.count(1)


def order(request):
    """The same order for the same key: a fresh process takes the money twice."""
    key = request.headers["Idempotency-Key"]
    return 200, remembered.setdefault(key, {"order": str(uuid.uuid4())})


def same_order(request):
    """The mended one: the number follows from the key."""
    key = request.headers["Idempotency-Key"]
    return 200, {"order": str(uuid.uuid5(uuid.NAMESPACE_DNS, key))}


def register(request):
    """Get or create: the device is known by its fingerprint."""
    device = remembered.setdefault(request.json()["fingerprint"], uuid.uuid4().hex)
    return 200, {"device": device}


def login(request):
    """Locks an account after three wrong passwords; each answer is a refusal."""
    if next(tries) > 3:
        return 423, {"error": "locked", "request": uuid.uuid4().hex}
    return 401, {"error": "wrong password", "request": uuid.uuid4().hex}


def begin(request):
    """An upload, whose whole address is given."""
    name = uuid.uuid4().hex
    remembered[name] = 0
    return 201, {}, ("Location", f"http://{request.headers['Host']}/files/{name}")


def go_on(request, name):
    if name not in remembered:
        return 404, {"error": "no such upload"}
    remembered[name] += len(request.raw)
    return 200, {"offset": remembered[name]}


SERVICES = {
    "order": {"POST /orders": order},
    "same_order": {"POST /orders": same_order},
    "device": {"POST /register": register},
    "lock": {"POST /login": login},
    "upload": {"POST /files": begin, r"PUT /files/(\w+)": go_on},
}
serve(SERVICES[os.environ["NAME"]])
