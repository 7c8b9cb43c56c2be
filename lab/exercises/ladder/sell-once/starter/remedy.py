"""A remedy: a cart is sold once."""

from flask import Flask

from lab.shop.errors import ShopError


class SoldAlready(ShopError):
    """This cart has been sold already: answered 409."""

    status, slug, title = 409, "sold-already", "This cart has been sold already"


def change(app: Flask) -> None:
    """Change the desk; this is called once, when a server starts."""
