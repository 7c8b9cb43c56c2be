"""Reads result.json of earlier versions (schemas 1 to 4) as the JSON of today's schema."""

import re
from collections.abc import Mapping
from typing import Any

from lab.core.json_object import JsonObject
from lab.evidence.run_document import SCHEMA_VERSION

_SURPRISE = re.compile(r"(.+?): (holds|fails|depends), expected (holds|fails|depends)\b.*", re.S)
_OLD_FAULTS = {"hang": "pause", "stop": "kill", "start": "restart", "heal": "resume"}
_OLD_FAULTS |= {"remove": "drain"}
_FIELDS_OF_SCHEMA_4 = {"settings": "knobs", "server_urls": "upstreams"}
_HUNG = re.compile(r"_hung$")
_SAME = {"depends": "depends", "unknown": "unknown"}
_HARM = _SAME | {"holds": "affected", "fails": "not affected"}
_CONFIRMED = _SAME | {"holds": "confirmed", "fails": "not confirmed"}
_DRAWBACKS = frozenset(
    {
        "A drawback: after logout the old token still opens the cart (no revocation).",
        "A drawback: one cart can be ordered again and again with the same token (replay).",
        "A drawback: two tabs that change one cart lose acknowledged changes.",
        "A signed token is not a secret: whoever finds it can read it.",
        "A signed token is not a secret: it can be read without a key.",
        "A token carries old facts: a changed price is charged only when it has expired.",
        "A token in the URL is found afterwards where URLs are kept: log, Referer, history.",
        "A shared session store is one more thing that every request depends on.",
        "Every request carries the whole cart again.",
        "Servers must agree on the signing key: where they do not, they refuse each other's "
        "tokens.",
    }
)
"""The sentences of these versions that are drawbacks."""


def upgraded(document: JsonObject) -> JsonObject:
    """Return the document in today's schema. What is damaged raises, or stays damaged.

    The old schema had sentences where there are numbers now; they are kept as notes.
    """
    if document["schema"] == SCHEMA_VERSION:
        return document
    experiments = document["experiments"]
    if document["schema"] < 2:
        experiments = [_experiment(each) for each in experiments]
    if document["schema"] < 3:
        experiments = [_with_kind(each) for each in experiments]
    experiments = [_renamed(each) for each in experiments]
    return {**document, "schema": SCHEMA_VERSION, "experiments": experiments}


def _renamed(old: JsonObject) -> JsonObject:
    """Give fields of variants, and measurements of `store-outage`, the names of today."""
    variants = [
        {_FIELDS_OF_SCHEMA_4.get(name, name): each[name] for name in each}
        for each in old["variants"]
    ]
    if old["name"] == "store-outage":
        for each in variants:
            measured = each["measurements"].items()
            each["measurements"] = {_HUNG.sub("_paused", name): value for name, value in measured}
    return {**old, "variants": variants}


def _with_kind(old: JsonObject) -> JsonObject:
    """Mark drawbacks as such. Schema 2 called one a claim, which held if it did harm."""
    if old["claim"] not in _DRAWBACKS:
        condition = "on the variant" if old["verdict"] == "depends" else ""
        return {"condition": condition, **old}
    variants = [
        {**each, "outcome": each.get("outcome") and _harm(each["outcome"])}
        for each in old["variants"]
    ]
    surprises = [
        {**each, "seen": _word(_HARM, each["seen"]), "expected": _word(_HARM, each["expected"])}
        for each in old.get("surprises", ())
    ]
    words = {name: _word(_CONFIRMED, old[name]) for name in ("verdict", "expected")}
    condition = "on the variant" if old["verdict"] == "depends" else ""
    return {
        **old,
        **words,
        "kind": "drawback",
        "condition": condition,
        "variants": variants,
        "surprises": surprises,
    }


def _harm(outcome: JsonObject) -> JsonObject:
    return {**outcome, "verdict": _word(_HARM, outcome["verdict"])}


def _word(words: Mapping[str, str], old: Any) -> Any:
    """Return today's word for an old one; an unknown word stays, and is refused later."""
    return words.get(old, old) if isinstance(old, str) else old


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
        "outcome": outcome and {"verdict": outcome["verdict"], "note": _note(outcome)},
        "exchanges": [_exchange(each) for each in old["exchanges"]],
        "faults": [_fault(each) for each in old["faults"]],
        "order": [_ordered(each) for each in old.get("order", ())],
    }


def _note(outcome: JsonObject) -> str:
    """Return the sentence of an outcome. Of one that depends, today's note is on what it does."""
    said = str(outcome["number"])
    is_condition = outcome["verdict"] != "depends" or said.startswith("on ")
    return said if is_condition else f"on what was seen: {said}"


def _exchange(old: JsonObject) -> JsonObject:
    return {**old, "target": old.get("server"), "served_by": old.get("replica")}


def _fault(old: JsonObject) -> JsonObject:
    kind = _OLD_FAULTS.get(old["kind"], old["kind"])
    return {"confirmed": None, **old, "kind": kind}


def _ordered(name: str) -> str:
    kind, blank, target = name.partition(" ")
    return f"{_OLD_FAULTS.get(kind, kind)}{blank}{target}"
