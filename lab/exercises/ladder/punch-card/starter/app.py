"""The punch cards of a café: python app.py PORT."""

import json
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CARDS = {}


def new_card(name):
    """Return a card without stamps."""
    card = uuid.uuid4().hex
    CARDS[card] = {"name": name, "stamps": 0}
    return card


def read_card(card):
    """Return what a card says, None if it is not ours."""
    return CARDS.get(card)


def stamp_card(card, coffees):
    """Stamp a card; return the card from now on."""
    CARDS[card]["stamps"] += coffees
    return card


def shown(card):
    """Return a card as an answer has it."""
    said = read_card(card)
    return {"card": card, **said, "free": said["stamps"] // 10}


class Counter(BaseHTTPRequestHandler):
    """One counter of the café."""

    def do_GET(self):
        start, _, card = self.path.rpartition("/")
        if start != "/cards":
            return self.answer(404, {"error": "there is /cards and /stamps"})
        if read_card(card) is None:
            return self.answer(401, {"error": "that is no card of ours"})
        return self.answer(200, shown(card))

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/cards":
            return self.answer(201, shown(new_card(asked["name"])))
        if self.path != "/stamps":
            return self.answer(404, {"error": "there is /cards and /stamps"})
        card, coffees = asked["card"], asked["coffees"]
        if read_card(card) is None:
            return self.answer(401, {"error": "that is no card of ours"})
        if type(coffees) is not int or not 1 <= coffees <= 20:
            return self.answer(422, {"error": "coffees is a whole number from 1 to 20"})
        return self.answer(200, shown(stamp_card(card, coffees)))

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Counter).serve_forever()
