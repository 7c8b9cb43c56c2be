"""Confine a program and what it starts: limits, and no network but this machine's own.

Run as a script with nothing but the standard library, before anything of the lab is loaded:

    python -I -S confine.py SECONDS FILE_BYTES PARENT_PID -- program argument…

The program finds in LAB_CONFINED which of `MEANS` are in place, with spaces between. Where the
system lacks one, the program runs without it.
"""

import os
import signal
import sys

SET_DEATH_SIGNAL, SET_SUBREAPER = 1, 36  # <linux/prctl.h>
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # <linux/sched.h>
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # <linux/sockios.h>, <linux/if.h>
NETWORK, LIMITS, DEATH = "network", "limits", "death"
MEANS = (NETWORK, LIMITS, DEATH)


def limit(seconds: int, file_bytes: int) -> bool:
    """Bound the CPU time of each process, the size of each file; no core dumps."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    for kind, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(kind, (most, most))
    return True


def prctl(option: int, value: int) -> bool:
    """Set a property of this process; return whether that could be done."""
    import ctypes

    return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)


def die_with(parent: int) -> None:
    """End when the parent does."""
    if not prctl(SET_DEATH_SIGNAL, signal.SIGKILL) or os.getppid() != parent:
        sys.exit("confine: the lab is gone")


def stand_over(command: list[str]) -> int:
    """Run a command; when it ends, or at SIGTERM, end all that it has started. Linux only.

    What leaves its parent becomes a child of this process, so none of it is missed.
    """
    import signal

    own = os.getpid()
    prctl(SET_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        die_with(own)
        os.execv(command[0], command)
    signal.signal(signal.SIGTERM, lambda *_: end_all())
    os.close(0)
    os.close(1)  # the reader waits for its end
    status = 0
    while True:
        try:
            pid, how = os.wait()
        except ChildProcessError:  # ended by the signal
            return status
        if pid == child:
            status = os.waitstatus_to_exitcode(how)
            end_all()
            return status if status >= 0 else 128 - status


def end_all() -> None:
    """Kill everything below this process, until there is nothing."""
    import time

    while True:
        for pid in below(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def below(root: int) -> list[int]:
    """Return the process ids below one, parents first."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:  # the process has ended
            continue
    found = [root]
    for each in found:
        found += [pid for pid, parent in parents.items() if parent == each]
    return found[1:]


def leave_network() -> bool:
    """Enter a network of its own in which only the loopback interface is there."""
    if sys.platform != "linux":
        return False
    import ctypes

    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            return False
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    raise_loopback()
    return True


def raise_loopback() -> None:
    """Let 127.0.0.1 be reached in the new network."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def main(arguments: list[str]) -> int:
    """Obey `SECONDS FILE_BYTES PARENT_PID -- COMMAND…`."""
    seconds, file_bytes, parent, dashes, *command = arguments
    if dashes != "--" or not command:
        return 2
    means = (
        (NETWORK, leave_network()),
        (LIMITS, limit(int(seconds), int(file_bytes))),
        (DEATH, sys.platform == "linux"),
    )
    os.environ["LAB_CONFINED"] = " ".join(name for name, is_there in means if is_there)
    if sys.platform == "linux":
        die_with(int(parent))
        return stand_over(command)
    if sys.platform != "win32":
        os.execv(command[0], command)
    import subprocess  # there execv returns to the caller before the program ends

    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
