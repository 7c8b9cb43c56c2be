"""500 simulated phones in a room: from a vote to the wall, from a press on + to its answer.

    python tests/benchmarks/room.py [PHONES]

The phones and the lab share this machine. Bars: vote to histogram p95 at most 1.5 s, a press on +
to its answer p95 at most 300 ms at 50 presses a second, no vote lost or counted twice, and the
console under half a core. It ends with 1 if one is missed.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import requests

from lab.console.room.rehearsal import fill
from lab.console.room.simulated_phone import PhoneCounts

PHONES = int(sys.argv[1]) if len(sys.argv) > 1 else 500
CLICKS_PER_S = 50.0
CHAPTERS = ("any-server", "the-crash")
COMING_PER_S = 50.0
SETTLES_S = 5.0
VOTE_LASTS_S = 12.0
LOOKS_EVERY_S = 0.1
VOTE_BAR_S, CLICK_BAR_S, CPU_BAR = 1.5, 0.3, 0.5


class Lecturer:
    """The instructor's side: gives orders, and watches the wall."""

    def __init__(self, folder: Path) -> None:
        control = json.loads((folder / "lab-runs" / "up.json").read_text())
        self.origin, self.pid = control["origin"], control["pid"]
        self.web = requests.Session()
        self.web.trust_env = False
        self.web.headers["X-Lab-Secret"] = control["secret"]

    def order(self, path: str, **body: object) -> None:
        """Give an order of the room."""
        self.web.post(f"{self.origin}/lab/room/{path}", json=body, timeout=30).raise_for_status()

    def vote(self) -> dict[str, object]:
        """Look at the wall once."""
        return self.web.get(f"{self.origin}/lab/room", timeout=30).json()["state"]["vote"]

    def watch(self, for_s: float) -> list[tuple[float, int]]:
        """Look at the wall all the time; when each number of votes was first seen."""
        seen, end_s = [(time.monotonic(), 0)], time.monotonic() + for_s
        while time.monotonic() < end_s:
            voted = int(str(self.vote()["voted"]))
            if voted > seen[-1][1]:
                seen.append((time.monotonic(), voted))
            time.sleep(LOOKS_EVERY_S)
        return seen


def latencies(sent_s: list[float], seen: list[tuple[float, int]]) -> list[float]:
    """How long after the n-th vote was sent the wall had counted n."""
    ordered = sorted(sent_s)
    return [
        next((at - sent for at, voted in seen if voted > n), float("inf"))
        for n, sent in enumerate(ordered)
    ]


async def hold_class(lecturer: Lecturer, counts: PhoneCounts) -> dict[str, object]:
    """Two questions, two votes each, while the room shops; what was measured."""
    await asyncio.sleep(PHONES / COMING_PER_S + SETTLES_S)
    console = psutil.Process(lecturer.pid)
    clicks_before = len(counts.click_s)
    used_s, began_s = sum(console.cpu_times()[:2]), time.monotonic()
    to_wall: list[float] = []
    wrong = 0
    for chapter in CHAPTERS:
        await asyncio.to_thread(lecturer.order, "ask", chapter=chapter)
        for round in (1, 2):
            before = len(counts.votes_sent)
            await asyncio.to_thread(lecturer.order, "vote", do="open")
            seen = await asyncio.to_thread(lecturer.watch, VOTE_LASTS_S)
            await asyncio.to_thread(lecturer.order, "vote", do="close")
            to_wall += latencies(counts.votes_sent[before:], seen)
            print(f"{chapter}, vote {round}: {len(counts.votes_sent) - before} sent, ", end="")
            print(f"{seen[-1][1]} on the wall")
        await asyncio.to_thread(lecturer.order, "vote", do="show")
        shown = (await asyncio.to_thread(lecturer.vote))["histogram"]
        for round, histogram in enumerate(shown, 1):  # type: ignore[arg-type]
            said = Counter(
                choice
                for (_, at), (choice, asked) in counts.chosen.items()
                if at == round and asked == chapter
            )
            wrong += sum(abs(said[n] - count) for n, count in enumerate(histogram))
        await asyncio.to_thread(lecturer.order, "decide", seen=0)
    took_s = time.monotonic() - began_s
    return {
        "to_wall": to_wall,
        "wrong": wrong,
        "clicks": counts.click_s[clicks_before:],
        "clicks_per_s": (len(counts.click_s) - clicks_before) / took_s,
        "cpu": (sum(console.cpu_times()[:2]) - used_s) / took_s,
        "took_s": took_s,
    }


async def measured(phones_at: str, code: str, lecturer: Lecturer) -> tuple[dict, PhoneCounts]:
    """Fill the room, hold the class, and let everyone go."""
    counts = PhoneCounts()
    room = asyncio.create_task(
        fill(phones_at, code, PHONES, counts, clicks_per_s=CLICKS_PER_S / PHONES,
             coming_per_s=COMING_PER_S)
    )  # fmt: skip
    found = await hold_class(lecturer, counts)
    room.cancel()
    return found, counts


def main() -> int:
    """Run it, print it, and say whether the bars hold."""
    with tempfile.TemporaryDirectory() as here:
        where = ["--listen", "127.0.0.1", "--port", "0", "--phone-port", "0", "--no-open"]
        lab = subprocess.Popen(
            [sys.executable, "-m", "lab", "class", *where],
            cwd=here,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            printed = ""
            for line in lab.stdout or ():
                printed += line
                if "Ctrl-C stops" in line:
                    break
            phones_at, code = re.search(r"join at  (\S+)   code  (\S+)", printed).groups()  # type: ignore[union-attr]
            found, counts = asyncio.run(measured(phones_at, code, Lecturer(Path(here))))
        finally:
            lab.send_signal(signal.SIGINT)
            lab.wait(60)
    return report(found, counts)


def p95(values: list[float]) -> float:
    """Return the value that 95 of 100 do not exceed."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)] if values else float("inf")


def report(found: dict, counts: PhoneCounts) -> int:
    """Print what was measured beside its bar; 1 if one is missed."""
    votes, clicks = found["to_wall"], found["clicks"]
    vote_s, click_s, cpu = p95(votes), p95(clicks), found["cpu"]
    rows = [
        (f"vote to histogram, p95 of {len(votes)}", f"{vote_s:.2f} s", vote_s <= VOTE_BAR_S),
        (f"+ to its answer, p95 of {len(clicks)}", f"{click_s:.3f} s", click_s <= CLICK_BAR_S),
        ("votes lost or counted twice", str(found["wrong"]), found["wrong"] == 0),
        ("console", f"{cpu:.2f} of a core", cpu < CPU_BAR),
    ]
    print(f"{PHONES} phones for {found['took_s']:.0f} s: {len(counts.votes_sent)} votes sent and")
    print(f"acknowledged, {found['clicks_per_s']:.0f} presses and {counts.polls} polls in all; ")
    print(f"{counts.clicks_refused} presses refused, {len(counts.errors)} connections failed")
    for name, value, holds in rows:
        print(f"{'✓' if holds else '✕'} {name}: {value}")
    for error, count in Counter(counts.errors).most_common(3):
        print(f"  {count} × {error}")
    return 0 if all(holds for *_, holds in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
