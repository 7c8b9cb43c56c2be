"""openapi.yaml is the contract: schemathesis sends both desks what it allows and forbids."""

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


stateful_known = contract_of(stateful("memory"), logs_in=True)
stateful_unknown = contract_of(stateful("memory"), logs_in=False)
stateless_known = contract_of(stateless(), logs_in=True)
stateless_unknown = contract_of(stateless(), logs_in=False)


@stateful_known.parametrize()
def test_stateful_logged_in(case: Case) -> None:
    case.call_and_validate()


@stateful_unknown.parametrize()
def test_stateful_not_logged_in(case: Case) -> None:
    case.call_and_validate()


@stateless_known.parametrize()
def test_stateless_logged_in(case: Case) -> None:
    case.call_and_validate()


@stateless_unknown.parametrize()
def test_stateless_not_logged_in(case: Case) -> None:
    case.call_and_validate()
