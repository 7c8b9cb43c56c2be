"""The run as an HTTP archive (HAR 1.2), credentials shortened: for a browser's network panel.

The format is http://www.softwareishard.com/blog/har-12-spec/; a variant is a page.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote, urlsplit

from lab.evidence.run_document import (
    ExperimentResult,
    Message,
    RecordedExchange,
    RunDocument,
    VariantResult,
)
from lab.report.plain import body_text, lower
from lab.shop.desks import at_server

HarObject = Mapping[str, object]

# The servers are gone and their ports belong to others by now: a name that never resolves
# (RFC 6761) says so.
NO_HOST = "http://two-desks.invalid"
_UNKNOWN = -1  # the format's own number for a size or time that is unknown


def archive(document: RunDocument) -> HarObject:
    """Return the archive as a JSON value."""
    pages, entries = [], []
    for experiment in document.experiments:
        for variant in experiment.variants:
            began = variant_began(variant) or datetime(1970, 1, 1, tzinfo=UTC)
            page = f"{experiment.name}/{variant.name}"
            pages.append(_page(page, experiment, began))
            entries += [_entry(page, variant, each, began) for each in variant.exchanges]
    entries.sort(key=lambda entry: str(entry["startedDateTime"]))
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "Two Desks", "version": str(document.schema)},
            "pages": pages,
            "entries": entries,
            "comment": "Tokens, session ids and cookies are shortened; "
            "the host is made up, since the servers of a run end with it.",
        }
    }


def variant_began(variant: VariantResult) -> datetime | None:
    """Return when a variant began, to the second, by the first answer's Date header."""
    for exchange in variant.exchanges:
        date = lower(exchange.response.headers).get("date")
        if date is None:
            continue
        try:
            answered = parsedate_to_datetime(date).astimezone(UTC)
            return answered - timedelta(seconds=exchange.at_s)
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _page(page: str, experiment: ExperimentResult, began: datetime) -> HarObject:
    return {
        "startedDateTime": began.isoformat(timespec="milliseconds"),
        "id": page,
        "title": f"{page}: {experiment.claim}",
        "pageTimings": {"onContentLoad": _UNKNOWN, "onLoad": _UNKNOWN},
    }


def _entry(
    page: str, variant: VariantResult, exchange: RecordedExchange, began: datetime
) -> HarObject:
    at = began + timedelta(seconds=exchange.at_s)
    return {
        "pageref": page,
        "startedDateTime": at.isoformat(timespec="milliseconds"),
        "time": exchange.elapsed_ms,
        "request": _request(variant, exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": exchange.elapsed_ms, "receive": 0},
        "comment": f"{exchange.op}, {exchange.customer}: {exchange.outcome}"
        + (f", cart {exchange.fate}" if exchange.fate else ""),
        "_served_by": exchange.served_by,
        "_instance": exchange.instance,
        "_fate": exchange.fate,
    }


def _request(variant: VariantResult, exchange: RecordedExchange) -> HarObject:
    place = f"/{variant.name}{at_server(exchange.target)}"
    url = NO_HOST + _quoted(place, "/@") + _quoted(exchange.path, _AS_IS)
    asked, body = exchange.request, body_text(exchange.request)
    request = {
        "method": exchange.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers(asked),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(_query(exchange.path), keep_blank_values=True)
        ],
        "headersSize": max(_UNKNOWN, exchange.bytes_sent - _size(asked, body)),
        "bodySize": _size(asked, body),
    }
    if body:
        kind = lower(asked.headers).get("content-type", "")
        request["postData"] = {"mimeType": kind, "text": body, "params": []}
    return request


_AS_IS = "/?#[]@!$&'()*+,;=:%~-._"


def _quoted(text: str, as_is: str) -> str:
    return quote(text, safe=as_is, errors="replace")


def _query(path: str) -> str:
    try:
        return urlsplit(path).query
    except ValueError:  # "//[" is not a URL
        return path.partition("?")[2]


def _response(exchange: RecordedExchange) -> HarObject:
    answer, body = exchange.response, body_text(exchange.response)
    headers = lower(answer.headers)
    response = {
        "status": exchange.status or 0,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers(answer),
        "content": {
            "size": _size(answer, body),
            "mimeType": headers.get("content-type", ""),
            "text": body,
        },
        "redirectURL": headers.get("location", ""),
        "headersSize": _UNKNOWN,
        "bodySize": _size(answer, body) if exchange.status else _UNKNOWN,
    }
    if exchange.error:
        response["_error"] = exchange.error
    return response


def _headers(message: Message) -> list[HarObject]:
    return [{"name": name, "value": value} for name, value in message.headers.items()]


def _size(message: Message, body: str) -> int:
    length = lower(message.headers).get("content-length", "")
    return (
        int(length)
        if length.isascii() and length.isdigit() and len(length) < 16
        else len(body.encode("utf-8", "replace"))
    )
