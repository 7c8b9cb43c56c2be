"""The run as one JSON document, `result.json`: for machines, and for opening again later."""

import json
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from lab.core.faults import FaultEvent
from lab.core.redaction import redact_body, redact_headers, redact_json, redact_text
from lab.evidence.exchange import Exchange
from lab.evidence.measurements import operations
from lab.evidence.record import Event
from lab.evidence.result import ExperimentResult, Observation, Prediction, VariantResult

SCHEMA_VERSION = 1

Json = dict[str, Any]


def document_text(experiments: Sequence[str], components: Json) -> str:
    """Return the document as text, from its experiments' texts (each is made only once)."""
    head = json.dumps({"schema": SCHEMA_VERSION, "components": components}, indent=1)
    lines = ",\n".join(experiments)
    return f'{head[:-2]},\n "experiments": [\n{lines}\n ]\n}}\n'


def experiment_text(result: ExperimentResult) -> str:
    """Return one experiment's part as text, on one line: indenting takes ten times as long."""
    return json.dumps(experiment_document(result), ensure_ascii=False, allow_nan=False)


def experiment_document(result: ExperimentResult) -> Json:
    """Return one experiment's part; it holds no credential that could still be used."""
    return {
        "name": result.name,
        "argument": redact_text(result.argument or result.name),
        "claim": result.claim,
        "verdict": str(result.judgement.verdict),
        "number": result.judgement.number,
        "because": result.judgement.because,
        "surprises": list(result.judgement.surprises),
        "expected": result.expected and str(result.expected),
        "expectation_met": result.met,
        "interrupted": result.interrupted,
        "seconds": round(result.seconds, 3),
        "seed": result.seed,
        "quick": result.quick,
        "prediction": _prediction(result.prediction),
        "variants": [_variant(variant) for variant in result.variants],
    }


def _variant(result: VariantResult) -> Json:
    knobs = result.variant.knobs
    return {
        "name": result.variant.name,
        "app": result.variant.app,
        "knobs": {
            "store": result.variant.keeps if result.variant.app == "stateful" else None,
            "affinity": knobs.affinity,
            "servers": knobs.servers,
            "retry": knobs.retry,
        },
        "upstreams": list(result.variant.upstreams),
        "outcome": _observation(result.observation),
        "trouble": result.trouble,
        "broken_expectation": result.broken_expectation,
        "traceback": result.traceback,
        "measurements": redact_json(plain_json(result.measurements)),
        "operations": operations(result.record),
        "exchanges": [exchange_json(exchange) for exchange in result.record.exchanges()],
        "faults": [fault_json(fault) for fault in result.record.faults()],
        "order": [_order(event) for event in result.record.events],
    }


def plain_json(value: Any) -> Any:
    """Return what a script measured as JSON has it: no NaN, and a text for what JSON lacks."""
    if isinstance(value, dict):
        return {str(name): plain_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else repr(value)


def _observation(seen: Observation | None) -> Json | None:
    return None if seen is None else {"verdict": str(seen.verdict), "number": seen.number}


def _prediction(made: Prediction | None) -> Json | None:
    if made is None:
        return None
    return {
        "question": made.question,
        "choices": list(made.choices),
        "predicted": made.predicted,
        "confidence": made.confidence,
        "observed": made.observed,
        "right": made.right,
        "explanation": made.explanation,
    }


def exchange_json(exchange: Exchange) -> Json:
    """Return an exchange for keeping: every credential shortened."""
    return {
        "op": exchange.op,
        "customer": exchange.customer,
        "method": exchange.method,
        "path": redact_text(exchange.path),
        "server": exchange.server,
        "at_s": round(exchange.at_s, 6),
        "elapsed_ms": round(exchange.elapsed_ms, 3),
        "status": exchange.status,
        "outcome": str(exchange.outcome),
        "error": exchange.error,
        "replica": exchange.replica,
        "instance": exchange.instance,
        "fate": exchange.fate and str(exchange.fate),
        "bytes_sent": exchange.bytes_sent,
        "bytes_received": exchange.bytes_received,
        "request": {
            "headers": redact_headers(exchange.request_headers),
            "body": redact_body(exchange.request_body),
        },
        "response": {
            "headers": redact_headers(exchange.response_headers),
            "body": redact_body(exchange.response_body),
        },
    }


def fault_json(fault: FaultEvent) -> Json:
    """Return a fault for keeping: every credential in its evidence shortened."""
    return {
        "kind": fault.kind,
        "target": fault.target,
        "at_s": round(fault.at_s, 6),
        "confirmed": fault.confirmed,
        "evidence": redact_json(msgspec.to_builtins(fault.evidence)),
    }


def _order(event: Event) -> str:
    return event.op if isinstance(event, Exchange) else f"{event.kind} {event.target}"
