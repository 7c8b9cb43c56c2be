"""Reads result.json of version 0.1 (schema 1): turns it into the JSON of today's schema."""

import re

from lab.core.json_object import JsonObject
from lab.evidence.run_document import SCHEMA_VERSION

_SURPRISE = re.compile(r"(.+?): (holds|fails|depends), expected (holds|fails|depends)\b.*", re.S)
_FAULTS = {"hang": "pause", "stop": "kill", "start": "restart", "heal": "resume"}
_FAULTS |= {"remove": "drain"}


def upgraded(document: JsonObject) -> JsonObject:
    """Return the document in today's schema. What is damaged raises, or stays damaged.

    The old schema had sentences where there are numbers now; they are kept as notes.
    """
    if document["schema"] == SCHEMA_VERSION:
        return document
    experiments = [_experiment(each) for each in document["experiments"]]
    return {**document, "schema": SCHEMA_VERSION, "experiments": experiments}


def _experiment(old: JsonObject) -> JsonObject:
    new = {name: value for name, value in old.items() if name not in ("number", "because")}
    found = [_SURPRISE.fullmatch(each) for each in old.get("surprises", ())]
    new["surprises"] = [
        {"variant": each[1], "seen": each[2], "expected": each[3]} for each in found if each
    ]
    new["variants"] = [_variant(each) for each in old["variants"]]
    new["note"] = old.get("number") or old["because"]
    return new


def _variant(old: JsonObject) -> JsonObject:
    outcome = old.get("outcome")
    return {
        **old,
        "outcome": outcome and {"verdict": outcome["verdict"], "note": outcome["number"]},
        "exchanges": [_exchange(each) for each in old["exchanges"]],
        "faults": [_fault(each) for each in old["faults"]],
        "order": [_ordered(each) for each in old.get("order", ())],
    }


def _exchange(old: JsonObject) -> JsonObject:
    return {**old, "target": old.get("server"), "served_by": old.get("replica")}


def _fault(old: JsonObject) -> JsonObject:
    kind = _FAULTS.get(old["kind"], old["kind"])
    return {"confirmed": None, **old, "kind": kind}


def _ordered(name: str) -> str:
    kind, blank, target = name.partition(" ")
    return f"{_FAULTS.get(kind, kind)}{blank}{target}"
