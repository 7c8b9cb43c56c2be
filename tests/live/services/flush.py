"""Empties a Valkey or Redis: python -I -S flush.py redis://127.0.0.1:PORT/0 | unix:///PATH

By plain sockets: a client library would take longer to import than the rest of a reset.
"""

import socket
import sys
from urllib.parse import unquote

url = sys.argv[1]
account, _, place = url.partition("://")[2].partition("?")[0].rpartition("@")
password = account.partition(":")[2]
if url.startswith("unix:"):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(unquote(place))
else:
    host, _, port = place.partition("/")[0].partition(":")
    connection = socket.create_connection((host, int(port)), timeout=5)
with connection:
    said = [f"AUTH {password}"] * bool(password) + ["FLUSHALL"]
    connection.sendall("".join(f"{line}\r\n" for line in said).encode())
    answers = connection.makefile("rb")
    failed = [line for line in (answers.readline() for _ in said) if line != b"+OK\r\n"]
sys.exit(f"flush: {failed}" if failed else 0)
