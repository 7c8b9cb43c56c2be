"""openapi.yaml is the contract: schemathesis sends both desks what it allows and forbids."""

from collections.abc import Callable
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import AuthContext, Case, HookContext

import lab.shop

from .conftest import Desk, stateful, stateless

CONTRACT = Path(lab.shop.__file__).with_name("openapi.yaml")
CONFIG: dict[str, Any] = {
    "seed": 2,
    "generation": {"deterministic": True, "max-examples": 10, "database": "none"},
}


# What the formats allow, as schemathesis is to draw it. The rules themselves: test_names.
schemathesis.openapi.format(
    "two-desks-user-id", st.text(ascii_letters + digits + "._-", min_size=1, max_size=64)
)
schemathesis.openapi.format(
    "two-desks-name", st.sampled_from(["John", "Zoë", "李小龍", "👩‍💻", "x" * 24])
)


def contract_of(desk: Desk, logs_in: bool) -> schemathesis.BaseSchema:
    """Load the contract as one desk has to keep it, for a client who logs in or does not."""
    schema = schemathesis.openapi.from_path(CONTRACT, config=schemathesis.Config.from_dict(CONFIG))
    schema.app = desk.app

    @schema.hook
    def map_body(context: HookContext, body: Any) -> Any:
        # To JSON Schema 7.0 is an integer, to the shop it is not (test_bad_input sends it).
        if isinstance(body, dict) and isinstance(body.get("quantity"), float):
            quantity = body["quantity"]
            return body | {"quantity": int(quantity) if quantity.is_integer() else quantity}
        return body

    @schema.hook
    def map_case(context: HookContext, case: Case) -> Case:
        # Each way to show who you are is allowed; two at once are not (test_tokens sends both).
        if "token" in case.query:
            case.headers.pop("Authorization", None)
        return case

    if logs_in:

        @schema.auth(refresh_interval=None)  # a fresh cart for every request
        class Login:
            def get(self, case: Case, context: AuthContext) -> Any:
                return desk.customer()

            def set(self, case: Case, data: Any, context: AuthContext) -> None:
                if data.token:
                    case.headers["Authorization"] = f"Bearer {data.token}"
                else:
                    case.cookies["desk_session"] = data.client.get_cookie("desk_session").value

    return schema


def _test_of(schema: schemathesis.BaseSchema) -> Callable[[Case], None]:
    @schema.parametrize()
    def check(case: Case) -> None:
        case.call_and_validate()

    return check


def _tests_of(desk: Desk, logs_in: bool) -> dict[str, Callable[[Case], None]]:
    """Return a test for each operation, by name.

    With pytest 9.2 one test for all operations has one id, and `-n 2` runs the first of them only.
    """
    schema = contract_of(desk, logs_in)
    name = "test_stateful" if desk.is_stateful else "test_stateless"
    name += "_logged_in" if logs_in else "_not_logged_in"
    operations = [each.ok().definition.raw["operationId"] for each in schema.get_all_operations()]
    return {f"{name}_{each}": _test_of(schema.include(operation_id=each)) for each in operations}


for each in (stateful("memory"), stateless()):
    globals().update(_tests_of(each, logs_in=True) | _tests_of(each, logs_in=False))
