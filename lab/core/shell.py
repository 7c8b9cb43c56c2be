"""Command lines for bash and zsh: text as one word, and a request as a line for curl."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from lab.core.run_folder import DEFAULT_ROOT

PLAIN_TEXT = re.compile(r"[\n\t\x20-\x7e]*")


def quoted(text: str, data: bytes | None = None) -> str:
    """Return the text as one word of bash; what a terminal may act on is written as numbers.

    `data` are its bytes, where `to_bytes` does not say which.
    """
    if PLAIN_TEXT.fullmatch(text):
        return shlex.quote(text)
    # $'…': every byte that is not plain ASCII as three octal digits.
    shown = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\{byte:03o}"
        for byte in (to_bytes(text) if data is None else data)
    )
    return f"$'{shown}'"


def typed(command: str, out: Path) -> str:
    """Return a command of the lab as it is typed for the runs in `out`: --out only if needed."""
    return command if out == DEFAULT_ROOT else f"{command} --out {quoted(str(out))}"


def curl_line(
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]] = (),
    body: Sequence[str] = (),
    options: Sequence[str] = (),
    *,
    jar: bool = True,
) -> str:
    """Return a line that sends one request, with the cookies of the file `jar` if it has them.

    `url` and the second of each header are words already, `body` comes from `body_words`;
    the first of a header is its name.
    """
    words = ["curl", *options, "-sS", "-g", *(("-b", "jar", "-c", "jar") if jar else ())]
    if method == "HEAD":
        words.append("--head")
    elif method != ("POST" if body else "GET"):
        words += ["-X", quoted(method)]
    for _, word in headers:
        words += ["-H", word]
    if body and not any(name.lower() == "content-type" for name, _ in headers):
        words += ["-H", "Content-Type:"]  # without it curl sends the type of a form
    return " ".join([*words, *body, url])


def body_words(body: str, word: str | None = None, data: bytes | None = None) -> list[str]:
    """Return curl's words for a body; `word` is the body quoted, if `quoted` is not enough."""
    if "\0" in body:  # no argument can hold it; a file can
        octal = "".join(f"\\0{byte:03o}" for byte in (to_bytes(body) if data is None else data))
        return ["--data-binary", f"@<(printf %b '{octal}')"]
    return ["--data-raw", quoted(body) if word is None else word] if body else []


def to_bytes(text: str) -> bytes:
    """Return the text in UTF-8, a lone surrogate as its number."""
    return text.encode("utf-8", "backslashreplace")
