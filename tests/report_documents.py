"""Documents of runs, built by hand: small, long, unknown, hostile."""

import json

from lab.report.document import document_text
from lab.report.saved import checked

# Everything that text of unknown origin may be: markup, quotes, controls, reordering.
HOSTILE = (
    "</pre></style><script>alert(1)</script><img src=x onerror=alert(1)>\" ' & ]]> --> "
    "\x00\x07\x1b[31m\x85\n\r\u202eltr\u2066\u2028\ufeff\ufffe\ud800 $(id) `id` ${HOME} %s {{7*7}} "
    "{% raw %} \\ \u2019;id;\u2018"
)
SLIP = "eyJ1…(215 chars, sha256 f74b6f16)"


def exchange(op="x-1", **changes):
    base = {
        "op": op,
        "customer": "John",
        "method": "GET",
        "path": "/api/cart",
        "server": None,
        "at_s": 0.5,
        "elapsed_ms": 2.5,
        "status": 200,
        "outcome": "ok",
        "error": None,
        "replica": "A",
        "instance": "11f72a0ef76017e2",
        "fate": None,
        "bytes_sent": 237,
        "bytes_received": 495,
        "request": {"headers": {"X-Op": op, "Accept": "*/*"}, "body": None},
        "response": {
            "headers": {
                "Content-Type": "application/json",
                "Date": "Tue, 24 Nov 2026 07:55:36 GMT",
                "X-Served-By": "A",
            },
            "body": {"cart": {"lines": []}},
        },
    }
    return base | changes


def fault(kind="kill", target="A", **changes):
    base = {"kind": kind, "target": target, "at_s": 1.0, "confirmed": True}
    return base | {"evidence": {"pid": 7, "signal": "SIGKILL"}} | changes


def lane(name="stateful", app="stateful", exchanges=(), faults=(), order=None, **changes):
    base = {
        "name": name,
        "app": app,
        "knobs": {
            "store": "memory" if app == "stateful" else None,
            "affinity": "none",
            "servers": 3,
            "retry": "off",
        },
        "outcome": {"verdict": "holds", "number": "1 of 1 acknowledged carts kept"},
        "trouble": None,
        "broken_expectation": None,
        "traceback": None,
        "measurements": {"carts_acknowledged": 1, "carts_kept": 1, "requests": len(exchanges)},
        "operations": {"ok": len(exchanges), "failed": 0, "unknown": 0},
        "exchanges": list(exchanges),
        "faults": list(faults),
        "order": order
        if order is not None
        else [each["op"] for each in exchanges] + [f"{f['kind']} {f['target']}" for f in faults],
    }
    return base | changes


def experiment(lanes, **changes):
    base = {
        "name": "crash",
        "claim": "Servers can crash or restart without affecting users.",
        "verdict": "holds",
        "number": "60 of 60 acknowledged carts kept",
        "because": "stateful: 0 of 60; stateless: 60 of 60",
        "surprises": [],
        "expected": "holds",
        "expectation_met": True,
        "interrupted": False,
        "seconds": 1.5,
        "seed": 42,
        "quick": False,
        "prediction": None,
        "variants": list(lanes),
    }
    return base | changes


def run(*experiments):
    components = {"nginx": {"version": "1.31.3", "source": "PATH"}, "store": None}
    texts = [json.dumps(experiment) for experiment in experiments]
    return checked(json.loads(document_text(texts, components)), "a test")


def crash():
    """One customer, one kill, at both desks: the cart is lost at one and kept at the other."""
    lanes = []
    for app, fate in (("stateful", "lost"), ("stateless", "kept")):
        login = exchange(f"{app}-1", method="POST", path="/api/login")
        login["request"]["body"] = {"user_id": "123", "name": "John"}
        login["request"]["headers"]["Content-Type"] = "application/json"
        nobody = exchange(
            f"{app}-2", status=502, outcome="failed", replica=None, server="A", fate="unknown"
        )
        read = exchange(f"{app}-3", replica="B", fate=fate)
        if app == "stateless":
            read["request"]["headers"]["Authorization"] = f"Bearer {SLIP}"
        else:
            read["request"]["headers"]["Cookie"] = f"desk_session={SLIP}"
        order = [f"{app}-1", "kill A", f"{app}-2", f"{app}-3"]
        lanes.append(lane(app, app, [login, nobody, read], [fault()], order))
    lanes[0]["outcome"] = {"verdict": "fails", "number": "0 of 1 acknowledged carts kept"}
    lanes[0]["measurements"] = {"carts_acknowledged": 1, "carts_kept": 0, "carts_lost": 1}
    return run(experiment(lanes))


def hostile():
    """A run in which every text is hostile."""
    bad = exchange(HOSTILE, customer=HOSTILE, method=HOSTILE, path="/" + HOSTILE)
    bad |= {"server": HOSTILE, "replica": HOSTILE, "instance": HOSTILE}
    bad["request"] = {"headers": {HOSTILE: HOSTILE, "X-A": HOSTILE}, "body": HOSTILE}
    bad["response"] = {"headers": {"Date": HOSTILE, HOSTILE: HOSTILE}, "body": {HOSTILE: HOSTILE}}
    silent = exchange("x-2", status=None, outcome="unknown", error=HOSTILE, fate="wrong")
    curve = {"x": HOSTILE, "y": HOSTILE, "points": [[1, 2], [3, 4.5]]}
    bars = {"x": HOSTILE, "y": HOSTILE, "points": [[HOSTILE, 2], ["B", 4]]}
    worst = lane(
        HOSTILE,
        exchanges=[bad, silent],
        faults=[fault(HOSTILE, HOSTILE, evidence={"pid": HOSTILE, "signal": HOSTILE})],
        measurements={HOSTILE: HOSTILE, "curve" + HOSTILE: curve, "bars": bars},
        trouble=HOSTILE,
        broken_expectation=HOSTILE,
        traceback=HOSTILE,
        outcome={"verdict": "unknown", "number": HOSTILE},
    )
    worst["knobs"]["store"] = HOSTILE
    prediction = {
        "question": HOSTILE,
        "choices": [HOSTILE, "b"],
        "predicted": 0,
        "confidence": "certain",
        "observed": 1,
        "right": False,
        "explanation": HOSTILE,
    }
    texts = {"name": HOSTILE, "claim": HOSTILE, "number": HOSTILE, "because": HOSTILE}
    document = run(
        experiment(
            [worst],
            **texts,
            surprises=[HOSTILE],
            verdict="unknown",
            expectation_met=None,
            prediction=prediction,
        )
    )
    document["components"] = {HOSTILE: HOSTILE, "system": {HOSTILE: HOSTILE}}
    return document


def crowd(customers=60):
    """Sixty shoppers: far more than a page can draw."""
    before = [exchange(f"x-{n}", customer=f"C{n}", method="POST") for n in range(customers * 2)]
    after = [
        exchange(f"y-{n}", customer=f"C{n}", fate="kept" if n % 3 else "lost")
        for n in range(customers)
    ]
    order = [e["op"] for e in before] + ["kill A"] + [e["op"] for e in after]
    return run(experiment([lane(exchanges=before + after, faults=[fault()], order=order)]))
