"""The punch cards of a café: python app.py PORT."""

import base64
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = os.environ["CARD_KEY"].encode()


def sign(text):
    """Return the café's signature of a text."""
    return hmac.new(KEY, text.encode(), "sha256").hexdigest()


def made(name, stamps):
    """Return the card that says this."""
    text = base64.urlsafe_b64encode(json.dumps([name, stamps]).encode()).decode().rstrip("=")
    return f"{text}.{sign(text)}"


def new_card(name):
    """Return a card without stamps."""
    return made(name, 0)


def read_card(card):
    """Return what a card says, None if it is not ours."""
    text, _, signature = card.rpartition(".")
    if not hmac.compare_digest(sign(text).encode(), signature.encode()):
        return None
    name, stamps = json.loads(base64.urlsafe_b64decode(text + "==="))
    return {"name": name, "stamps": stamps}


def stamp_card(card, coffees):
    """Stamp a card; return the card from now on."""
    said = read_card(card)
    return made(said["name"], said["stamps"] + 1)


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
