"""The command line with a person before it."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest import wait_for

from lab.core.environment import current_environment


class AtTerminal:
    """`lab …` with a person before it: a pseudo-terminal that is typed into when asked."""

    def __init__(self, here, *arguments):
        pty = pytest.importorskip("pty")
        self.here = here
        self.text = ""
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lab", *arguments],
            cwd=here.folder,
            env={**current_environment(), "COLUMNS": "200", "TERM": "xterm", "NO_COLOR": "1"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read(self):
        """Take in what was printed; False when the other end is closed."""
        try:
            printed = os.read(self.master, 65536)
        except OSError:  # EIO: how Linux says that no process writes any more
            return False
        self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", printed.decode("utf-8", "replace"))
        return bool(printed)

    def answer(self, prompt, typed):
        """Wait for the prompt, past what was asked before, and type a line."""
        end = time.monotonic() + 60
        start = len(self.text) if not hasattr(self, "seen") else self.seen
        while prompt not in self.text[start:]:
            assert time.monotonic() < end, self.text
            assert self.read(), f"ended before {prompt!r}: {self.text}"
        self.seen = self.text.index(prompt, start) + len(prompt)
        os.write(self.master, typed.encode() + b"\n")

    def interrupt(self, prompt):
        """Wait until it waits at the prompt, and press Ctrl-C.

        Python does not see a signal that comes after the prompt and before the read. A test is that
        quick, a person is not.
        """
        while prompt not in self.text:
            assert self.read(), f"ended before {prompt!r}: {self.text}"
        process = psutil.Process(self.process.pid)
        wait_for(lambda: process.status() == psutil.STATUS_SLEEPING)
        self.process.send_signal(signal.SIGINT)

    def finish(self):
        """Read to the end; return the exit status."""
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait(60)

    def result(self):
        """Return the experiments of the newest result, by name."""
        text = (self.here.runs / "latest" / "result.json").read_text("utf-8")
        return {each["name"]: each for each in json.loads(text)["experiments"]}
