"""The yardstick: bare Flask routes, served as the desks are, that do what any server would.

`python tests/benchmarks/bare_desk.py --port N`. `GET /PLACE/cart` answers constant JSON, about
as many bytes as both desks answer for a cart with one laptop in it. `PATCH
/PLACE/cart/items/SKU` reads and parses a JSON body, and answers the same with the same status,
and at `token` with as many bytes of a token. Nothing is checked, priced, counted, signed, looked
up or kept, and no headers are added.
"""

from flask import Flask, request

from lab.shop import serve

LINE = {
    "sku": "laptop",
    "name": "Laptop",
    "quantity": 1,
    "unit_price_cents": 129900,
    "line_total_cents": 129900,
}
CART = {
    "user": {"user_id": "123", "name": "John"},
    "cart": {"lines": [LINE], "item_count": 1, "total_cents": 129900, "revision": 1},
}
TOKEN_CHARS = 222  # of the stateless desk's token for this cart
ANSWERS = {"cookie": CART, "token": CART | {"token": "x" * TOKEN_CHARS}}


def create_app() -> Flask:
    """The least that Flask can be asked to do for such answers."""
    app = Flask(__name__)

    @app.get("/<place>/cart")
    def cart(place):
        return CART

    @app.patch("/<place>/cart/items/<sku>")
    def change(place, sku):
        assert request.get_json()["quantity"]
        return ANSWERS[place]

    return app


if __name__ == "__main__":
    serve.main(create_app, "bare_desk", default_port=0)
