"""A socket filter: the kernel drops datagrams without a secret text, before they take any room."""

import ctypes
import socket
import struct
import sys

_SO_ATTACH_FILTER = 26  # <asm/socket.h>; the program is classic BPF, <linux/filter.h>
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_UDP_HEADER_BYTES = 8  # the filter of a UDP socket sees the header first
_WHOLE_DATAGRAM = 0xFFFFFFFF


def keep_only(listener: socket.socket, text: bytes, at: int) -> bool:
    """Let in only datagrams with `text`, of whole 4-byte words, `at` this byte; False if it cannot.

    For a UDP socket. Nothing changes where the system has no such filter (others than Linux).
    """
    if sys.platform != "linux":
        return False
    program = _program(text, at)
    code = ctypes.create_string_buffer(program)
    count = len(program) // 8
    try:
        listener.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(code))
        )
    except OSError:  # a sandbox's own kernel
        return False
    return True


def _program(text: bytes, at: int) -> bytes:
    words = [text[start : start + 4] for start in range(0, len(text), 4)]
    steps = []
    for number, word in enumerate(words):
        to_the_end = 2 * (len(words) - number) - 1
        steps.append((_LOAD_WORD, 0, 0, _UDP_HEADER_BYTES + at + 4 * number))
        steps.append((_JUMP_IF_EQUAL, 0, to_the_end, int.from_bytes(word)))
    steps += [(_RETURN, 0, 0, _WHOLE_DATAGRAM), (_RETURN, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
