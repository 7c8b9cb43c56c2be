"""A pool of servers that run already: the balancer stands in front of them.

Commands of the deployment add a server, and end one that is drained.
"""

import logging
import re
import time
from dataclasses import dataclass, replace

from lab.core.errors import LabError, NotPossible
from lab.core.faults import FaultEvidence
from lab.stack.balancer import Retired
from lab.stack.deployment import ExternalServerSpec
from lab.stack.external_server import ExternalServer
from lab.stack.fault_commands import ASK_EVERY_S, run
from lab.stack.pool_spec import LETTERS, PoolSpec
from lab.stack.server_pool import ServerPool

_HTTP_URL = re.compile(r"http://[^\s\x00-\x1f]+")


@dataclass(frozen=True)
class ExternalDrain:
    """A server that gets no new requests: `wait` lets it end the old ones, `end` ends it."""

    server: ExternalServer
    was_dead: bool
    _retired: Retired

    def wait(self) -> None:
        """Wait until nginx's old worker is done with the server, or with all on its port."""
        self._retired.wait_until_done_with(self.server.port, lambda: self.server.state == "dead")

    def end(self) -> FaultEvidence:
        """Run the server's drain command."""
        return self.server.drain()


class ExternalPool(ServerPool):
    """The servers of `PoolSpec.external`, and those that a command has added."""

    servers: dict[str, ExternalServer]

    def __init__(self, spec: PoolSpec) -> None:
        super().__init__(spec)
        self.servers = {each.name: ExternalServer(each) for each in spec.external}
        self._own = dict(self.servers)
        self._added: dict[str, ExternalServer] = {}

    def lives(self) -> None:
        """Return None: which processes answer there, the lab cannot know."""
        return

    def description(self) -> str:
        """One line for the terminal: the lab did not start them."""
        return f"{self.name}: {', '.join(self.servers)} run already; the lab did not start them"

    def add(self) -> ExternalServer:
        """Run the command that adds a server; return when nginx routes to it.

        The last URL in the command's output is where the new server is.
        """
        with self._changing:
            wanted = replace(next(iter(self._own.values())).spec, name=self._next_name())
            ran = run(wanted.command("add"), wanted.how.wait_s, wanted.how.env)
            if ran.trouble:
                raise LabError(f"the add command of {self.name} (--add-command) {ran.trouble}")
            urls = _HTTP_URL.findall(ran.said)
            if not urls:
                raise LabError(
                    f"the add command of {self.name} wrote no address: let it write that of the "
                    "new server at its end, http://HOST:PORT"
                )
            server = self._answering(wanted, urls[-1])
            self._added[server.name] = server
            self._reload_with({**self.servers, server.name: server})
            return server

    def take_out(self, name: str) -> ExternalDrain:
        """Send a server no more requests from now on; `ExternalDrain` ends it."""
        with self._changing:
            server = self.servers[self.server(name).name]
            # Raises if there is no such command, before anything is changed.
            server.spec.command("drain")
            others = {other: each for other, each in self.servers.items() if other != name}
            if not others:
                raise NotPossible(f"{name} is the last server of {self.name}: add one first")
            return ExternalDrain(server, server.state == "dead", self._reload_with(others))

    def undo_faults(self) -> None:
        """Undo faults, and end the servers that were added; warn of what cannot be undone."""
        # The last one first: a StatefulSet can lose only its last pod.
        for server in (*self._own.values(), *reversed(self._added.values())):
            try:
                server.drain() if server.name in self._added else server.undo_faults()
            except LabError as error:  # no reason to lose a result, or to leave others broken
                logging.getLogger(__name__).warning("%s is left as it is: %s", server.title, error)
        self._added = {}

    def _answering(self, wanted: ExternalServerSpec, url: str) -> ExternalServer:
        """Return the new server once it answers there, by whatever name it has."""
        until = time.monotonic() + wanted.how.wait_s
        while True:
            try:
                found = wanted.at(url)
                break
            except LabError:
                if time.monotonic() > until:
                    raise
                time.sleep(ASK_EVERY_S)
        if found.app != wanted.app or found.name in self.servers:
            raise LabError(
                f"{url}, of the add command, is {found.app}/{found.name}: a new server of "
                f"{wanted.app} is wanted, with a name of its own such as {wanted.name}"
            )
        server = ExternalServer(found)
        server.launch()
        return server

    def _next_name(self) -> str:
        """Return a name that no server has: the next letter, or the next number of pods."""
        names = list(self.servers)
        numbered = [re.fullmatch(r"(.*?)(\d+)", name) for name in names]
        if all(numbered):
            last = max((each for each in numbered if each), key=lambda each: int(each[2]))
            return f"{last[1]}{int(last[2]) + 1}"
        unused = [letter for letter in LETTERS if letter not in names and letter > max(names)]
        if not unused:
            raise NotPossible(f"{self.name} has {len(names)} servers, up to Z: drain one first")
        return unused[0]
