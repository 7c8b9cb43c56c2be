"""Networks of their own for tests: namespaces of Linux. Making them needs root and `ip`."""

import ctypes
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=60)


def can_be_made():
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("ip")


@contextmanager
def namespace(name):
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        ip("netns", "del", name)  # takes its links along


@contextmanager
def within(name):
    """Have this thread open its sockets in a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home, there = Path("/proc/thread-self/ns/net"), Path("/run/netns", name)
    with home.open("rb") as back, there.open("rb") as to:
        if libc.setns(to.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(back.fileno(), CLONE_NEWNET)
