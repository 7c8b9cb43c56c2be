"""The products and their prices, which never come from a client or a token."""

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Product:
    """A product. `unit_price_cents` is at least 1."""

    sku: str
    name: str
    unit_price_cents: int


_SHELF = [
    Product("laptop", "Laptop", 129_900),
    Product("mouse", "Mouse", 2_490),
    Product("keyboard", "Keyboard", 7_900),
    Product("monitor", "Monitor", 24_900),
    Product("headset", "Headset", 5_990),
    Product("webcam", "Webcam", 6_490),
    Product("cable", "USB-C cable", 1_290),
    Product("dock", "Docking station", 15_900),
    Product("chair", "Office chair", 31_900),
    Product("lamp", "Desk lamp", 3_990),
    Product("notebook", "Paper notebook", 450),
    Product("pen", "Pen", 190),
]

# An encyclopaedia in 600 volumes, so that a cart can reach its limit of 500 lines.
_VOLUMES = [
    Product(f"vol-{number:03}", f"Encyclopaedia, volume {number}", 1_900 + number)
    for number in range(1, 601)
]

PRODUCTS: dict[str, Product] = {product.sku: product for product in _SHELF + _VOLUMES}
"""Every product by sku, in the order of the catalogue."""

_PRICE_SETTING = re.compile(r"([a-z0-9-]+)=([1-9][0-9]{0,8})")


def repriced(text: str) -> dict[str, Product]:
    """Return the products that `text` reprices, such as "laptop=99900,mouse=100" (in cents).

    Raise ValueError with what is wrong.
    """
    changed: dict[str, Product] = {}
    for part in text.split(","):
        price = _PRICE_SETTING.fullmatch(part.strip())
        if not price:
            raise ValueError(f"has {part.strip()!r}: write sku=cents, such as laptop=99900")
        sku, cents = price.groups()
        if sku not in PRODUCTS:
            raise ValueError(f"names {sku!r}: use a sku of GET /api/products")
        if sku in changed:
            raise ValueError(f"gives {sku!r} two prices: give one")
        changed[sku] = replace(PRODUCTS[sku], unit_price_cents=int(cents))
    return changed
