"""Empties a Valkey or Redis: python -I -S flush.py redis://127.0.0.1:PORT/0

By plain sockets: a client library would take longer to import than the rest of a reset.
"""

import socket
import sys

host, _, port = sys.argv[1].removeprefix("redis://").partition("/")[0].partition(":")
with socket.create_connection((host, int(port)), timeout=5) as connection:
    connection.sendall(b"FLUSHALL\r\n")
    answer = connection.recv(100)
sys.exit(0 if answer.startswith(b"+OK") else f"flush: {answer!r}")
