"""A simulated phone: joins, polls, votes and shops over HTTP, as a real one does."""

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.console.room.phone import PHONE_SHELF
from lab.core.json_object import JsonObject

PHONE_POLLS_S = 1.0
PHONE_TIMEOUT_S = 10.0
BEFORE_VOTE_S = 3.0  # the longest time that a phone thinks before it votes
OWN_HEADERS = "X-Room: 1\r\nContent-Type: application/json\r\nSec-Fetch-Site: same-origin\r\n"


@dataclass
class PhoneCounts:
    """What simulated phones have sent, and how long answers took, in seconds."""

    votes_sent: list[float] = field(default_factory=list)
    """When each vote that was acknowledged was sent, on the monotonic clock."""
    vote_s: list[float] = field(default_factory=list)
    click_s: list[float] = field(default_factory=list)
    clicks_refused: int = 0
    polls: int = 0
    errors: list[str] = field(default_factory=list)
    chosen: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    """The last choice acknowledged, by phone and round: (choice, chapter)."""
    seen: dict[int, float] = field(default_factory=dict)
    """When a phone first saw that many votes counted."""


class NoAnswer(Exception):
    """The other side closed, or did not answer in time."""


class SimulatedPhone:
    """One phone; `counts` is shared by all of a room."""

    def __init__(self, origin: str, code: str, number: int, counts: PhoneCounts) -> None:
        at = urlsplit(origin)
        self._host, self._port = at.hostname or "", at.port or 80
        self._code, self._number, self._counts = code, number, counts
        self.cookie = ""
        self.me: JsonObject = {}
        self._random = random.Random(number)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._voted: tuple[str, int] | None = None

    async def join(self) -> None:
        """Open the page and join."""
        await self.request("GET", "/")
        body = {"code": self._code, "name": f"Phone {self._number}"}
        status, answer = await self.request("POST", "/room/join", body)
        if status != 200:
            raise NoAnswer(f"join was answered {status}: {answer.get('detail', '')}")
        self.me = answer

    async def live(self, clicks_per_s: float, until_s: float | None = None) -> None:
        """Poll once a second, vote when a vote opens, and press + now and then."""
        at_s = time.monotonic() + self._random.random() * PHONE_POLLS_S
        click_at_s = time.monotonic() + self._pause(clicks_per_s)
        while until_s is None or time.monotonic() < until_s:
            await asyncio.sleep(max(0.0, min(at_s, click_at_s) - time.monotonic()))
            try:
                if click_at_s <= at_s:
                    click_at_s += self._pause(clicks_per_s)
                    await self.click()
                else:
                    at_s = max(at_s + PHONE_POLLS_S, time.monotonic())
                    await self._poll()
            except (NoAnswer, OSError) as error:
                self._counts.errors.append(f"{type(error).__name__}: {error}")
                await self.close()
                await asyncio.sleep(PHONE_POLLS_S)

    async def click(self, by: int = 0) -> None:
        """Press + or −; for 0, either of them."""
        began_s = time.monotonic()
        by = by or (1 if self._random.random() < 0.7 else -1)
        body = {"sku": self._random.choice(PHONE_SHELF), "by": by}
        status, answer = await self.request("POST", "/room/cart", body)
        if status == 200:
            self._counts.click_s.append(time.monotonic() - began_s)
            self.me = answer
        else:
            self._counts.clicks_refused += 1

    async def vote(self, vote: JsonObject) -> None:
        """Choose an answer of the vote that is open."""
        choice = self._random.randrange(len(vote["choices"]))
        began_s = time.monotonic()
        body = {"choice": choice, "round": vote["round"]}
        status, _ = await self.request("POST", "/room/vote", body)
        if status == 200:
            self._counts.votes_sent.append(began_s)
            self._counts.vote_s.append(time.monotonic() - began_s)
            self._counts.chosen[self._number, vote["round"]] = (choice, vote["chapter"])

    async def _poll(self) -> None:
        status, state = await self.request("GET", "/room/state")
        self._counts.polls += 1
        vote = state.get("vote") if status == 200 else None
        if not vote:
            return
        self._counts.seen.setdefault(vote["voted"], time.monotonic())
        this = (vote["chapter"], vote["round"])
        if vote["phase"] == "open" and self._voted != this:
            await asyncio.sleep(self._random.random() * BEFORE_VOTE_S)
            await self.vote(vote)
            self._voted = this  # a vote that had no answer is sent again

    def _pause(self, clicks_per_s: float) -> float:
        return self._random.expovariate(clicks_per_s) if clicks_per_s else 1e9

    async def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> tuple[int, JsonObject]:
        """Send one request over the phone's own connection; return status and JSON body."""
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        sent = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Cookie: {self.cookie}\r\n"
        )
        if method == "POST":
            head += f"{OWN_HEADERS}X-Room-Code: {self._code}\r\nContent-Length: {len(sent)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + sent)
        try:
            return await asyncio.wait_for(self._answer(), PHONE_TIMEOUT_S)
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            await self.close()
            raise NoAnswer(f"{method} {path}: {type(error).__name__}") from None

    async def _answer(self) -> tuple[int, JsonObject]:
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        length, is_json, is_last = 0, False, False
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            match name.lower():
                case "content-length":
                    length = int(value)
                case "content-type":
                    is_json = "json" in value
                case "set-cookie":
                    self.cookie = value.partition(";")[0]
                case "connection":
                    is_last = value.lower() == "close"
        body = await self._reader.readexactly(length)
        if is_last:
            await self.close()
        found = json.loads(body) if is_json and body else {}
        return status, found if isinstance(found, dict) else {}

    async def close(self) -> None:
        """Close the phone's connection."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
