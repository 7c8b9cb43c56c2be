"""The yardstick: one Flask route that answers constant JSON, served as the desks are.

`python tests/benchmarks/bare_desk.py --port N`. `GET /cart` answers about as many bytes as the
stateful desk's cart with one laptop in it, `GET /cart-and-token` as the stateless desk's.
"""

from flask import Flask

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


def create_app() -> Flask:
    """The least that Flask can be asked to do for such an answer."""
    app = Flask(__name__)

    @app.get("/cart")
    def cart():
        return CART

    @app.get("/cart-and-token")
    def cart_and_token():
        return CART | {"token": "x" * TOKEN_CHARS}

    return app


if __name__ == "__main__":
    serve.main(create_app, "bare_desk", default_port=0)
