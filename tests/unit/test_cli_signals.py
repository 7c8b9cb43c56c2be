"""Ctrl-C is never lost, wherever the program is when it comes."""

import signal
import subprocess
import sys

import pytest

from lab.cli import signals

INTERRUPTED_IN_A_FINALIZER = """
import signal, threading, weakref
from lab.cli.signals import StopSignal

def press():
    signal.raise_signal(signal.SIGINT)
    for _ in range(1000):
        pass

class Closed:
    def __del__(self):
        press()

class Finalized:
    def __init__(self):
        weakref.finalize(self, press)

signal.signal(signal.SIGINT, StopSignal())
try:
    resource = KIND()
    del resource
    for _ in range(2000):
        threading.Event().wait(0.01)
except KeyboardInterrupt:
    print("heard")
"""


@pytest.mark.parametrize("kind", ["Closed", "Finalized"])
def test_ctrl_c_in_a_finalizer_is_heard_after_it(kind):
    asked = [sys.executable, "-c", INTERRUPTED_IN_A_FINALIZER.replace("KIND", kind)]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    assert (ended.stdout.strip(), ended.stderr) == ("heard", "")


def test_second_press_soon_after_the_first_counts_as_the_same(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(signals, "monotonic_s", lambda: clock[0])
    monkeypatch.setattr(signals.StopSignal, "_last_s", 0.0)
    stop = signals.StopSignal()
    with pytest.raises(KeyboardInterrupt):
        stop(signal.SIGINT, None)
    clock[0] += signals.IMPATIENT_S
    stop(signal.SIGINT, None)
    clock[0] += 0.1
    with pytest.raises(KeyboardInterrupt):
        stop(signal.SIGINT, None)
