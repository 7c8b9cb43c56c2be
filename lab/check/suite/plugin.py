"""The pytest plugin of the package: `pytest --lab-check COMMAND`, and nothing without it.

It is imported by every pytest of an environment, so it imports nothing until the option is given.
"""

import os
from collections.abc import Sequence

import pytest

NO_ADDRESS = (
    "lab_url has no address: run pytest --lab-check COMMAND, or set LAB_URL to that of a service "
    "that runs"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("lab check", "run a suite on several processes of its service")
    group.addoption(
        "--lab-check",
        metavar="COMMAND",
        help="Start the service so, several times ({port} is replaced by a free port), and let "
        "another process answer each request of a test.",
    )
    group.addoption(
        "--lab-env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="Environment variable for the service; {port} is replaced by the port.",
    )
    group.addoption(
        "--lab-url-env",
        action="append",
        default=[],
        metavar="NAME",
        help="Variable in which the suite looks for the service's address (LAB_URL always is one).",
    )
    group.addoption(
        "--lab-port",
        type=int,
        default=0,
        metavar="N",
        help="Port at which the suite expects the service.",
    )
    group.addoption(
        "--lab-processes", type=int, default=3, metavar="N", help="How many (default: 3)."
    )
    group.addoption("--lab-ready", metavar="PATH", help="Path that answers when it is ready.")
    group.addoption(
        "--lab-wait", default="20s", metavar="DURATION", help="How long it may take to start (20s)."
    )
    group.addoption(
        "--lab-reset",
        metavar="COMMAND",
        help="Shell command that empties the database or store behind the service before a run.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: Sequence[str]) -> None:
    """Start the proxy before a conftest.py reads the address of the service."""
    if getattr(early_config.known_args_namespace, "lab_check", None) is not None:
        from lab.check.suite.session import begin

        begin(early_config)


@pytest.fixture(scope="session")
def lab_url() -> str:
    """Return the address of the service under test, without a slash at its end."""
    url = os.environ.get("LAB_URL", "").rstrip("/")
    if not url:
        pytest.fail(NO_ADDRESS, pytrace=False)
    return url
