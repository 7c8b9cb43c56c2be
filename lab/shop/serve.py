"""Serve an app as one OS process that dies at once and whole (waitress, a few threads)."""

import argparse
import sys
from collections.abc import Callable

from flask import Flask
from waitress.task import ErrorTask
from waitress.utilities import Error

from lab.shop.bounded_server import BoundedChannel, create_server
from lab.shop.http import PROBLEM, ConfigError, problem

MAX_UPLOAD_BYTES = 1024 * 1024  # a larger body is not even read; waitress answers 413


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """Answers what waitress itself refuses (a broken or too large request) as problem details."""

    def execute(self) -> None:
        """Write the answer, and close the connection: what follows on it cannot be read."""
        error: Error = self.request.error
        self.status = f"{error.code} {error.reason}"
        body = problem(error.code, f"http-{error.code}", error.reason, str(error.body))
        self.response_headers.append(("Content-Type", PROBLEM))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(BoundedChannel):
    """A connection."""

    error_task_class = ProblemTask


def main(create_app: Callable[[], Flask], module: str, default_port: int) -> None:
    """Parse the command line and serve `create_app()` until the process is stopped."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=create_app.__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default %(default)s)")
    parser.add_argument("--port", type=int, default=default_port, help="default %(default)s")
    parser.add_argument("--threads", type=int, default=8, help="default %(default)s")
    parser.add_argument(
        "--share-port",
        action="store_true",
        help="the port is held by a process of the same user, which does not listen (Linux)",
    )
    options = parser.parse_args()
    try:
        server = create_server(
            create_app(),
            host=options.host,
            port=options.port,
            share_port=options.share_port,
            threads=options.threads,
            ident="two-desks",
            max_request_body_size=MAX_UPLOAD_BYTES,
        )
    except ConfigError as error:
        sys.exit(f"{module}: {error}")
    except (OSError, OverflowError, ValueError) as error:
        where = f"{options.host}:{options.port}"
        why = getattr(error, "strerror", None) or error
        sys.exit(f"{module}: cannot listen on {where}: {why}; use --port 0 for any free port")
    server.channel_class = Channel
    print(f"{module} on http://{options.host}:{server.effective_port}", file=sys.stderr, flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
