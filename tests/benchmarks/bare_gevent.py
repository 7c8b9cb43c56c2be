"""The yardstick of the generator: geventhttpclient alone: no carts are tracked, no record is kept.

`python bare_gevent.py PORT CONNECTIONS SECONDS` asks for the cart again and again, and prints
how many answers came.
"""

import sys
import time

import gevent
from geventhttpclient import HTTPClient


def main(port: int, connections: int, seconds: float) -> int:
    """Return how many answers came."""
    client = HTTPClient("127.0.0.1", port, concurrency=connections)
    end = time.monotonic() + seconds
    counts = [0] * connections

    def ask(number: int) -> None:
        while time.monotonic() < end:
            answer = client.get("/api/cart")
            assert answer.status_code == 200, answer.status_code
            answer.read()
            counts[number] += 1

    gevent.joinall([gevent.spawn(ask, number) for number in range(connections)], raise_error=True)
    client.close()
    return sum(counts)


if __name__ == "__main__":
    print(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
