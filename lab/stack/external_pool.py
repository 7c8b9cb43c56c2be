"""A pool of servers that run already: the balancer stands in front, and their number stays."""

from lab.stack.external_server import ExternalServer
from lab.stack.pool_spec import PoolSpec
from lab.stack.server_pool import ServerPool


class ExternalPool(ServerPool):
    """The servers of `PoolSpec.external`."""

    def __init__(self, spec: PoolSpec) -> None:
        super().__init__(spec)
        self.servers = {each.name: ExternalServer(each) for each in spec.external}

    def lives(self) -> None:
        """Return None: which processes answer there, the lab cannot know."""
        return

    def description(self) -> str:
        """One line for the terminal: the lab did not start them."""
        return f"{self.name}: {', '.join(self.servers)} run already; the lab did not start them"
