"""Empties a Valkey or Redis: python -I -S flush.py redis://127.0.0.1:PORT/0

By plain sockets: a client library would take longer to import than the rest of a reset.
"""

import socket
import sys
from urllib.parse import unquote

account, _, place = sys.argv[1].removeprefix("redis://").partition("/")[0].rpartition("@")
host, _, port = place.partition(":")
password = unquote(account.partition(":")[2])
with socket.create_connection((host, int(port)), timeout=5) as connection:
    said = [f"AUTH {password}"] * bool(password) + ["FLUSHALL"]
    connection.sendall("".join(f"{line}\r\n" for line in said).encode())
    answers = connection.makefile("rb")
    failed = [line for line in (answers.readline() for _ in said) if line != b"+OK\r\n"]
sys.exit(f"flush: {failed}" if failed else 0)
