"""What a chapter changes in the servers themselves: price list, signing key, what a token holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from lab.shop.catalogue import PRODUCTS
from lab.shop.desks import Desk
from lab.stack.server import SIGNING_KEYS

CHAPTER_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "token": ("goods", "prices"),
    "prices": ("usual", "reduced"),
    "key": ("first", "second"),
}
"""Settings that only a chapter changes; a clean stage has the first value of each it leaves out."""
REDUCED_CENTS = 99_900
_PRICES = {"usual": PRODUCTS["laptop"].unit_price_cents, "reduced": REDUCED_CENTS}
_CHANGED_APPS = {"goods": "stateless_app", "prices": "lab.variants.price_in_token"}


@dataclass(frozen=True)
class ChapterChanges:
    """The values of CHAPTER_SETTINGS: usual ones, unless a chapter says otherwise."""

    token: str = "goods"
    prices: str = "usual"
    key: str = "first"

    @classmethod
    def taken_from(cls, settings: dict[str, str]) -> Self:
        """Remove a chapter's changes from `settings`, and return them."""
        return cls(**{name: settings.pop(name) for name in CHAPTER_SETTINGS if name in settings})

    def app(self, desk: Desk) -> str:
        """Return the module that the servers of a desk run."""
        return _CHANGED_APPS[self.token] if desk == "stateless" else "stateful_app"

    def env(self, desk: Desk, keys: tuple[str, str]) -> dict[str, str]:
        """Return what the servers of a desk get in their environment; `keys` are the run's."""
        prices = (f"{sku}={cents}" for sku, cents in self.cents().items())
        shared = {"SHOP_PRICES": ",".join(prices)}
        signs = keys[CHAPTER_SETTINGS["key"].index(self.key)]
        return shared | ({SIGNING_KEYS: signs} if desk == "stateless" else {})

    def desks(self, before: Self) -> list[Desk]:
        """Return the desks whose servers must restart, as the changes differ from `before`."""
        both: list[Desk] = ["stateful", "stateless"]
        return both[self.prices == before.prices :] if self != before else []

    def cents(self) -> dict[str, int]:
        """Return the prices that a chapter may change, by sku."""
        return {"laptop": _PRICES[self.prices]}

    def unusual(self) -> dict[str, str]:
        """Return the values that are not the usual ones, by name."""
        usual = {each.name: each.default for each in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}
