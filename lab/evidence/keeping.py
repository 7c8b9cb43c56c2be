"""Turns what happened into what is kept: every credential shortened, every value JSON."""

import math
from typing import Any

import msgspec

from lab.core.faults import FaultEvent
from lab.core.redaction import redact_body, redact_headers, redact_json, redact_text
from lab.evidence.exchange import Exchange
from lab.evidence.measurements import operations
from lab.evidence.record import LiveEvent
from lab.evidence.result import VariantRun
from lab.evidence.run_document import Message, RecordedExchange, UsedSettings, VariantResult


def kept_variant(run: VariantRun) -> VariantResult:
    """Return a variant's run as the document keeps it."""
    variant, record = run.variant, run.record
    return VariantResult(
        name=variant.name,
        app="stateful" if variant.app == "stateful" else "stateless",
        settings=UsedSettings(
            store=variant.keeps if variant.app == "stateful" else None,
            affinity=variant.settings.affinity,
            servers=variant.settings.servers,
            retry=variant.settings.retry,
            tls=variant.settings.tls,
        ),
        server_urls=list(variant.server_urls),
        outcome=run.observation,
        trouble=run.trouble,
        script_failed=run.script_failed,
        broken_expectation=run.broken_expectation,
        traceback=run.traceback,
        failure=run.failure,
        measurements=redact_json(plain_json(run.measurements)),
        operations=operations(record),
        exchanges=[kept_exchange(exchange) for exchange in record.exchanges()],
        faults=[kept_fault(fault) for fault in record.faults()],
        closing_looks=[kept_exchange(exchange) for exchange in run.closing],
        order=[_order(event) for event in record.events],
    )


def kept_exchange(exchange: Exchange) -> RecordedExchange:
    """Return an exchange as the document keeps it."""
    return RecordedExchange(
        op=encodable(exchange.op),
        customer=encodable(exchange.customer),
        method=encodable(exchange.method),
        path=redact_text(exchange.path),
        target=exchange.target,
        at_s=round(exchange.at_s, 6),
        elapsed_ms=round(exchange.elapsed_ms, 3),
        status=exchange.status,
        outcome=exchange.outcome,
        error=exchange.error and encodable(exchange.error),
        served_by=exchange.served_by,
        instance=exchange.instance,
        fate=exchange.fate and str(exchange.fate),
        bytes_sent=exchange.bytes_sent,
        bytes_received=exchange.bytes_received,
        request=Message(
            redact_headers(exchange.request_headers), redact_body(exchange.request_body)
        ),
        response=Message(
            redact_headers(exchange.response_headers), redact_body(exchange.response_body)
        ),
    )


def kept_fault(fault: FaultEvent) -> FaultEvent:
    """Return a fault as the document keeps it."""
    plain = msgspec.to_builtins(fault) | {"at_s": round(fault.at_s, 6)}
    return msgspec.convert(redact_json(plain), FaultEvent)


def plain_json(value: Any) -> Any:
    """Return a script's measurement as JSON: no NaN, and text for values that JSON lacks."""
    if isinstance(value, dict):
        return {str(name): plain_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else repr(value)


def encodable(text: str) -> str:
    """Return the text with the number of each lone surrogate, which no file can hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _order(event: LiveEvent) -> str:
    return encodable(event.op) if isinstance(event, Exchange) else f"{event.kind} {event.target}"
