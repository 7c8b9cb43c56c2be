"""Start a program that dies when the lab does, however the lab dies.

Run as a script, and with nothing but the standard library, since it is on the way of every start
(`fork_server`, which is a child too, imports `die_with`):

    python -I -S guardian.py exec SIGNAL PARENT_PID -- program argument…   (Linux)
    python -I -S guardian.py stay SIGNAL PARENT_PID -- program argument…   (everywhere)

`exec` asks the kernel for SIGNAL at the parent's death and becomes the program, so the
process id is the program's own. `stay` starts the program as its child, prints its process
id, and waits: when its standard input ends, the lab is gone, and it kills the program.
"""

import os
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>; kept by execve, see prctl(2)


def die_with(parent: int, death_signal: int) -> None:
    """Have the kernel send this process `death_signal` at the death of its `parent`."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"guardian: prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # the parent died before prctl took effect
        sys.exit("guardian: the lab is gone")


def become(command: list[str], death_signal: int, parent: int) -> None:
    """Turn into `command`, with `death_signal` promised at the death of `parent`."""
    die_with(parent, death_signal)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"guardian: {command[0]}: {error.strerror}")


def stay(command: list[str]) -> int:
    """Run `command` until it ends (its exit status) or the lab does (killed)."""
    import signal
    import subprocess
    import threading
    from contextlib import suppress

    # A stray SIGTERM must not part us from the child. (Not SIG_IGN: the child would inherit it.)
    signal.signal(signal.SIGTERM, lambda *_: None)
    # Output goes to the log, which is our stderr; stdout carries one line, for the lab.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)

    def watch() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock, held here, would abort a normal exit
            pass
        kill_everything(child.pid)

    threading.Thread(target=watch, daemon=True).start()
    with suppress(OSError):  # the lab may be gone already: then the watch ends the child
        os.write(1, b"%d\n" % child.pid)
    status = child.wait()
    return status if status >= 0 else 128 - status


def kill_everything(child_pid: int) -> None:
    """Kill the program and what it has started; on POSIX this process goes with them."""
    if sys.platform == "win32":
        import subprocess

        subprocess.run(["taskkill", "/F", "/T", "/PID", str(child_pid)], check=False)
        os._exit(1)
    else:
        import signal

        os.killpg(os.getpgrp(), signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Obey `MODE SIGNAL PARENT -- COMMAND…`."""
    mode, death_signal, parent, dashes, *command = arguments
    if dashes != "--" or not command or mode not in ("exec", "stay"):
        return 2
    if mode == "exec":
        become(command, int(death_signal), int(parent))
    return stay(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
