"""Bugs in a rule of the shop, or in whose session it is: most customers never meet them."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Self

from flask import Flask, request

from lab.shop import tokens
from lab.shop.cart import SessionState
from lab.shop.errors import EmptyCart, ShopError, StoreUnavailable

from .registry import bug, keep_of, set_keep, state_of, use_sessions

CAP = 10
FEW_LINES = 5


@bug("shared-by-initial")
def shared_by_initial(app: Flask) -> None:
    """Customers of one first letter share a cart at each server."""
    state, carts = state_of(app), dict[str, dict[str, int]]()
    original_keep, current = keep_of(state), state.current_session

    def keep(session: SessionState) -> Any:
        carts[session.name[0]] = session.lines
        return original_keep(session)

    def current_session() -> SessionState:
        own: SessionState = current()
        return replace(own, lines=carts.get(own.name[0], own.lines))

    set_keep(state, keep)
    state.current_session = current_session  # type: ignore[attr-defined]


@bug("capped-silently")
def capped_silently(app: Flask) -> None:
    """A cart never holds more than ten of an added product, without an error."""
    use_sessions(app, _Capped)


@bug("patch-adds")
def patch_adds(app: Flask) -> None:
    """PATCH adds to the quantity in place of setting it."""
    use_sessions(app, _Adding)


@bug("order-number-counts")
def order_number_counts(app: Flask) -> None:
    """Each process numbers its orders 1, 2, 3: a restart gives out the same again."""
    orders = count(1)

    @dataclass(frozen=True)
    class Numbered(SessionState):
        def check_out(self) -> tuple[dict[str, object], Self]:
            order, session = super().check_out()
            return {**order, "number": str(next(orders))}, session

    use_sessions(app, Numbered)


@bug("oldest-line-goes")
def oldest_line_goes(app: Flask) -> None:
    """A cart has five lines at most: the oldest goes."""
    use_sessions(app, _FewLines)


@bug("orders-nothing")
def orders_nothing(app: Flask) -> None:
    """An empty cart can be ordered."""
    use_sessions(app, _OrderingNothing)


@bug("sells-anything")
def sells_anything(app: Flask) -> None:
    """A product that the catalogue lacks is answered 201, and not added."""
    use_sessions(app, _SellingAnything)


@bug("any-user-id", ("stateless_app",))
def any_user_id(app: Flask) -> None:
    """The userId in the URL is not compared with that of the token."""
    tokens.check_user = lambda user_id: None


@bug("logout-of-all", ("stateful_app",))
def logout_of_all(app: Flask) -> None:
    """A logout ends the sessions of all customers of this server."""
    memory, state = app.session_interface.cache, state_of(app)  # type: ignore[attr-defined]
    end = state.end_session

    def end_session() -> None:
        end()
        memory.clear()

    state.end_session = end_session  # type: ignore[attr-defined]


@bug("counting-ids", ("stateful_app",))
def counting_ids(app: Flask) -> None:
    """Session ids are 1, 2, 3: anyone can guess them."""
    numbers = count(1)
    app.session_interface._generate_sid = lambda length: str(next(numbers))  # type: ignore[attr-defined]


@bug("cacheable-changes")
def cacheable_changes(app: Flask) -> None:
    """The answer to a change may be kept by any cache."""

    @app.after_request
    def keep(response: Any) -> Any:
        if request.method != "GET":
            response.headers["Cache-Control"] = "public, max-age=60"
        return response


@bug("last-one-in-an-outage", ("stateful_app",))
def last_one_in_an_outage(app: Flask) -> None:
    """While the store is silent, each customer is shown the last cart that this server has seen."""
    state, last = state_of(app), list[SessionState]()
    interface, current = app.session_interface, state.current_session
    opened = interface.open_session

    def open_session(*args: Any) -> Any:
        try:
            return opened(*args)
        except (StoreUnavailable, ShopError):
            kept = {"state": last[-1].to_dict()} if last else {}
            return interface.session_class(kept, sid="none")  # type: ignore[attr-defined]

    def current_session() -> SessionState:
        last[:] = [current()]
        return last[-1]

    interface.open_session = open_session  # type: ignore[method-assign, assignment]
    state.current_session = current_session  # type: ignore[attr-defined]


def _capped(lines: dict[str, int]) -> dict[str, int]:
    return {sku: min(quantity, CAP) for sku, quantity in lines.items()}


@dataclass(frozen=True)
class _Capped(SessionState):
    def _with_lines(self, lines: dict[str, int]) -> Self:
        return super()._with_lines(_capped(lines))


@dataclass(frozen=True)
class _Adding(SessionState):
    def change(self, sku: str, quantity: int) -> Self:
        return super().change(sku, min(99, self.lines.get(sku, 0) + quantity))


@dataclass(frozen=True)
class _FewLines(SessionState):
    def _with_lines(self, lines: dict[str, int]) -> Self:
        return super()._with_lines(dict(list(lines.items())[-FEW_LINES:]))


@dataclass(frozen=True)
class _OrderingNothing(SessionState):
    def check_out(self) -> tuple[dict[str, object], Self]:
        try:
            return super().check_out()
        except EmptyCart:
            order = {"number": f"{self.user_id}-{self.revision}", "lines": [], "total_cents": 0}
            return order, self.clear()


@dataclass(frozen=True)
class _SellingAnything(SessionState):
    def add(self, sku: str, quantity: int) -> Self:
        try:
            return super().add(sku, quantity)
        except ShopError:
            return self.clear() if not self.lines else self._with_lines(self.lines)
