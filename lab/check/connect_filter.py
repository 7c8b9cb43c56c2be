"""Ask the lab before each connection that this process, or one below it, makes.

Loaded by private_disk.py, never by the lab's other modules, and with nothing but the standard
library, since it is on the way of every start.

A filter of system calls (seccomp) stops each connect(2), in this program and in all that it
becomes and starts, until the lab has read the address and lets it go on: none is too short to be
seen. io_uring, which connects without that call, is answered as if the kernel did not have it:
programs use the calls it replaces. Sources: seccomp(2), seccomp_unotify(2), <linux/filter.h>.
"""

import _socket
import array
import ctypes
import errno
import os
import struct

SET_MODE_FILTER = 1  # <linux/seccomp.h>
SPEC_ALLOW, NEW_LISTENER, WAIT_KILLABLE = 1 << 2, 1 << 3, 1 << 5
ALLOW, ASK, REFUSE = 0x7FFF0000, 0x7FC00000, 0x00050000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_AT, ARCHITECTURE_AT = 0, 4  # offsets in struct seccomp_data
IO_URING_SETUP = 425
# By machine: <linux/audit.h>'s name of it, and the numbers of seccomp and connect there.
CALLS = {"x86_64": (0xC000003E, 317, 42), "aarch64": (0xC00000B7, 277, 203)}
LAB_ANSWERS_S = 60.0  # the lab answers at once, unless the machine is very busy

libc = ctypes.CDLL(None, use_errno=True)


def program(architecture: int, connect: int) -> bytes:
    """Return the filter, as struct sock_filter[]."""
    steps = (
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_IF_EQUAL, 0, 3, architecture),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_IF_EQUAL, 2, 0, connect),
        (JUMP_IF_EQUAL, 2, 0, IO_URING_SETUP),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ASK),
        (RETURN, 0, 0, REFUSE | errno.ENOSYS),
    )
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def report_connections(name: str) -> None:
    """Install the filter, and give its listener to the lab, which waits at an abstract socket.

    Raise OSError where this system or the lab does not do that, and end the process if the lab
    goes away between the two: nothing could connect with a filter that has no listener.
    """
    architecture, seccomp, connect = CALLS.get(os.uname().machine, (0, 0, 0))
    if not seccomp:
        raise OSError(errno.ENOSYS, "no numbers of system calls for this machine")
    lab = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    lab.settimeout(LAB_ANSWERS_S)
    lab.connect(f"\0{name}")
    steps = program(architecture, connect)
    kept = ctypes.create_string_buffer(steps, len(steps))
    whole = struct.pack("=H6xQ", len(steps) // 8, ctypes.addressof(kept))  # struct sock_fprog
    listener = -1
    # Since Linux 5.19, no signal but a deadly one interrupts a connect that has been asked for.
    for flags in (SPEC_ALLOW | NEW_LISTENER | WAIT_KILLABLE, SPEC_ALLOW | NEW_LISTENER):
        listener = (
            libc.syscall(seccomp, SET_MODE_FILTER, flags, whole) if listener < 0 else listener
        )
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [listener]))
    try:
        lab.sendmsg([b"."], [rights])
        if not lab.recv(1):  # the lab listens from here on
            raise OSError("it is ending")
    except OSError as error:
        raise SystemExit(
            f"connect_filter: the lab does not listen any more: {error.strerror or error}"
        ) from None
    os.close(listener)
    lab.close()
