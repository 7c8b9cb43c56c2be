"""The environment variables of this process."""

import os


def current_environment() -> dict[str, str]:
    """Return all of them as they are now.

    Another thread may take one out meanwhile, as pytest does between two tests: `dict(os.environ)`
    then raises KeyError, since it looks up each name again.
    """
    found = {name: os.environ.get(name) for name in list(os.environ)}
    return {name: value for name, value in found.items() if value is not None}
