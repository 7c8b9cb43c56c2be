"""Passes connections on to a port where something runs already: python relay.py PORT TO."""

import socket
import sys
import threading
from contextlib import suppress

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))


def pass_on(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


while True:
    client, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    for ends in ((client, server), (server, client)):
        threading.Thread(target=pass_on, args=ends, daemon=True).start()
