"""Documents of runs, built by hand: small, long, unknown, hostile.

`exchange`, `fault`, `variant` and `experiment` give JSON; `typed` what it is decoded into.
"""

import json

import msgspec

from lab.core.components import Components, UsedProgram
from lab.evidence.run_document import ExperimentResult, RecordedExchange, VariantResult
from lab.report.saved import checked
from lab.report.sequence import story_of

# Everything that text of unknown origin may be: markup, quotes, controls, reordering.
HOSTILE = (
    "</pre></style><script>alert(1)</script><img src=x onerror=alert(1)>\" ' & ]]> --> "
    "\x00\x07\x1b[31m\x85\n\r\u202eltr\u2066\u2028\ufeff\ufffe\ud800 $(id) `id` ${HOME} %s {{7*7}} "
    "{% raw %} \\ \u2019;id;\u2018"
)
CREDENTIAL = "eyJ1…(215 chars, sha256 f74b6f16)"


def exchange(op="x-1", **changes):
    base = {
        "op": op,
        "customer": "John",
        "method": "GET",
        "path": "/api/cart",
        "target": None,
        "at_s": 0.5,
        "elapsed_ms": 2.5,
        "status": 200,
        "outcome": "ok",
        "error": None,
        "served_by": "A",
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


def variant(name="stateful", app="stateful", exchanges=(), faults=(), order=None, **changes):
    base = {
        "name": name,
        "app": app,
        "knobs": {
            "store": "memory" if app == "stateful" else None,
            "affinity": "none",
            "servers": 3,
            "retry": "off",
        },
        "outcome": outcome("holds", 1, 1),
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


def experiment(variants, **changes):
    base = {
        "name": "crash",
        "claim": "Servers can crash or restart without affecting users.",
        "verdict": "holds",
        "decided_by": [each["name"] for each in variants if each["app"] == "stateless"],
        "baseline": "stateless",
        "note": "",
        "surprises": [],
        "expected": "holds",
        "expectation_met": True,
        "interrupted": False,
        "seconds": 1.5,
        "seed": 42,
        "quick": False,
        "prediction": None,
        "variants": list(variants),
    }
    return base | changes


def run(*experiments):
    components = {"nginx": {"version": "1.31.3", "source": "PATH"}, "store": None}
    document = {"schema": 2, "components": components, "experiments": list(experiments)}
    return checked(json.loads(json.dumps(document)), "a test")


def typed(value):
    """Return the JSON of an exchange, a variant or an experiment as what it is decoded into."""
    kind = ExperimentResult if "variants" in value else VariantResult
    return msgspec.convert(value, RecordedExchange if "op" in value else kind)


def story(value):
    """Return the JSON of a variant as what is drawn."""
    return story_of(typed(value))


def as_json(document):
    """Return a document as JSON of its own."""
    return json.loads(json.dumps(msgspec.to_builtins(document)))


def outcome(verdict, kept, of):
    measure = {"k": kept, "n": of, "low": None, "high": None, "unit": "acknowledged carts kept"}
    return {"verdict": verdict, "measures": [measure], "note": ""}


def crash():
    """One customer, one kill, at both desks: the cart is lost at one and kept at the other."""
    variants = []
    for app, fate in (("stateful", "lost"), ("stateless", "kept")):
        login = exchange(f"{app}-1", method="POST", path="/api/login")
        login["request"]["body"] = {"user_id": "123", "name": "John"}
        login["request"]["headers"]["Content-Type"] = "application/json"
        unanswered = exchange(
            f"{app}-2", status=502, outcome="failed", served_by=None, target="A", fate="unknown"
        )
        read = exchange(f"{app}-3", served_by="B", fate=fate)
        if app == "stateless":
            read["request"]["headers"]["Authorization"] = f"Bearer {CREDENTIAL}"
        else:
            read["request"]["headers"]["Cookie"] = f"desk_session={CREDENTIAL}"
        order = [f"{app}-1", "kill A", f"{app}-2", f"{app}-3"]
        variants.append(variant(app, app, [login, unanswered, read], [fault()], order))
    variants[0]["outcome"] = outcome("fails", 0, 1)
    variants[0]["measurements"] = {"carts_acknowledged": 1, "carts_kept": 0, "carts_lost": 1}
    return run(experiment(variants))


def hostile():
    """A run in which every text is hostile."""
    bad = exchange(HOSTILE, customer=HOSTILE, method=HOSTILE, path="/" + HOSTILE)
    bad |= {"target": HOSTILE, "served_by": HOSTILE, "instance": HOSTILE}
    bad["request"] = {"headers": {HOSTILE: HOSTILE, "X-A": HOSTILE}, "body": HOSTILE}
    bad["response"] = {"headers": {"Date": HOSTILE, HOSTILE: HOSTILE}, "body": {HOSTILE: HOSTILE}}
    silent = exchange("x-2", status=None, outcome="unknown", error=HOSTILE, fate="wrong")
    curve = {"x": HOSTILE, "y": HOSTILE, "points": [[1, 2], [3, 4.5]]}
    bars = {"x": HOSTILE, "y": HOSTILE, "points": [[HOSTILE, 2], ["B", 4]]}
    worst = variant(
        HOSTILE,
        exchanges=[bad, silent],
        faults=[fault("kill", HOSTILE, evidence={"instance": HOSTILE, "signal": HOSTILE})],
        measurements={HOSTILE: HOSTILE, "curve" + HOSTILE: curve, "bars": bars},
        trouble=HOSTILE,
        broken_expectation=HOSTILE,
        traceback=HOSTILE,
        outcome={"verdict": "unknown", "measures": [{"k": 1, "unit": HOSTILE}], "note": HOSTILE},
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
    texts = {"name": HOSTILE, "claim": HOSTILE, "argument": HOSTILE, "note": HOSTILE}
    document = run(
        experiment(
            [worst],
            **texts,
            surprises=[{"variant": HOSTILE, "seen": "holds", "expected": "fails"}],
            verdict="unknown",
            expectation_met=None,
            prediction=prediction,
        )
    )
    worst_program = UsedProgram(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    document.components = Components(
        worst_program, worst_program, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}
    )
    return document


def crowd(customers=60):
    """Sixty shoppers: far more than a page can draw."""
    before = [exchange(f"x-{n}", customer=f"C{n}", method="POST") for n in range(customers * 2)]
    after = [
        exchange(f"y-{n}", customer=f"C{n}", fate="kept" if n % 3 else "lost")
        for n in range(customers)
    ]
    order = [e["op"] for e in before] + ["kill A"] + [e["op"] for e in after]
    return run(experiment([variant(exchanges=before + after, faults=[fault()], order=order)]))
