"""A lane of servers that run already: the balancer stands before them, and they stay as many."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from lab.core.errors import LabError
from lab.stack.external_server import ExternalServer
from lab.stack.server import Server
from lab.stack.server_pool import Drain, ServerPool

SERVERS_NOT_OURS = (
    "the lab did not start the servers of lane {} and will not {}: do it where they are run"
)


class ExternalPool(ServerPool):
    """A lane of `PoolSpec.upstreams`."""

    def add(self) -> Server:
        """LabError: a deployment is not the lab's to grow."""
        raise self._not_ours("add one")

    def take_out(self, name: str) -> Drain:
        """LabError: not the lab's to shrink."""
        raise self._not_ours(f"take {name} out")

    def clear(self, names: Sequence[str], may_stay: Callable[[Server], bool]) -> list[Server]:
        """LabError: not the lab's to choose from."""
        raise self._not_ours("choose them anew")

    def launch(self, replicas: Iterable[Server], env: Mapping[str, str]) -> None:
        """LabError: not the lab's to start."""
        raise self._not_ours("start them anew")

    def told(self) -> str:
        """Say whose servers they are."""
        return f"{self.name}: {', '.join(self.replicas)} run already; the lab did not start them"

    def _first_replicas(self) -> list[Server]:
        return [ExternalServer(upstream) for upstream in self.spec.upstreams]

    def _not_ours(self, what: str) -> LabError:
        return LabError(SERVERS_NOT_OURS.format(self.name, what))
