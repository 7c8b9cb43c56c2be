"""The checks of answers that have to be about who asks, and new."""

from pathlib import Path

from lab.exercises import Work, after, check, require
from lab.exercises.repaired import require_state_is_shared, some_name
from lab.exercises.service import Service

TALK = """
def script(http):
    token = http.post("/login", json={{"name": "{name}"}}).json()["token"]
    mine = {{"Authorization": f"Bearer {{token}}"}}
    http.get("/account", headers=mine)
    http.put("/account", json={{"address": "{address}"}}, headers=mine)
    http.get("/account", headers=mine)
"""


def platform(work: Work, volume: Path) -> dict[str, str]:
    """Return what the platform gives to each server."""
    return {"SECRET_KEY": f"{work.random.getrandbits(256):064x}", "SHARED_DIR": str(volume)}


class Customer:
    """A customer by chance, who signs in at a server."""

    def __init__(self, work: Work, server: Service) -> None:
        self.name = some_name(work.random)
        answer = server.post("/login", json={"name": self.name}).require_status(200)
        self.headers = {"Authorization": f"Bearer {answer.value('token')}"}

    def change(self, server: Service, address: str) -> None:
        """Change the address."""
        answer = server.put("/account", json={"address": address}, headers=self.headers)
        self._require(answer.require_status(200).json(), address, "")

    def look(self, server: Service, address: str | None, help: str = "") -> None:
        """Look at the account, and require that it is the right one with this address."""
        answer = server.get("/account", headers=self.headers).require_status(200)
        self._require(answer.json(), address, help)

    def _require(self, found: object, address: str | None, help: str) -> None:
        wanted = {"name": self.name, "address": address}
        require(found == wanted, f"the account says {found}, and not {wanted}", help=help)


@check
def an_account_keeps_its_address(work: Work) -> None:
    """A customer has no address, then one, then another one; without a token there is none."""
    with work.start(env=platform(work, work.new_volume())) as server:
        ada = Customer(work, server)
        ada.look(server, None)
        for _ in range(2):
            address = f"{some_name(work.random)} {work.random.randint(1, 99)}"
            ada.change(server, address)
            ada.look(server, address)
            ada.look(server, address)
        server.get("/account").require_status(401)
        forged = {"Authorization": f"Bearer {some_name(work.random)}"}
        server.get("/account", headers=forged).require_status(401)
        server.put("/account", json={"address": "x"}, headers=forged).require_status(401)


@check
@after(an_account_keeps_its_address)
def each_customer_sees_the_own_account(work: Work) -> None:
    """Two customers look at their accounts in turn, at one server, and each sees the own one."""
    help = "An answer is about who asks; what does the cache call it?"
    with work.start(env=platform(work, work.new_volume())) as server:
        ada, ben = Customer(work, server), Customer(work, server)
        street = some_name(work.random)
        ada.change(server, street)
        ada.look(server, street)
        ben.look(server, None, help)
        ada.look(server, street, help)
        ben.change(server, street[::-1])
        ben.look(server, street[::-1], help)
        ada.look(server, street, help)


@check
@after(an_account_keeps_its_address)
def a_change_is_seen_at_every_server(work: Work) -> None:
    """A change at one server is seen at another one that has shown the old address.

    Two servers run, each with a disk of its own, both with the same SHARED_DIR.
    """
    help = "Which server has heard of the change, and which has kept an answer?"
    env = platform(work, work.new_volume())
    with work.start(env=env) as one, work.start(env=env) as other:
        ada = Customer(work, one)
        ada.look(other, None)
        for server, elsewhere in ((one, other), (other, one)):
            street = some_name(work.random)
            ada.change(server, street)
            ada.look(elsewhere, street, help)
            ada.look(server, street, help)


@check
@after(an_account_keeps_its_address)
def a_change_outlives_its_server(work: Work) -> None:
    """A change that was answered is there when its server is killed a moment later."""
    env, street = platform(work, work.new_volume()), some_name(work.random)
    with work.start(env=env) as one, work.start(env=env) as other:
        ada = Customer(work, one)
        ada.change(one, street)
        one.kill()
        ada.look(other, street, help="What was answered has to be in the database.")


@check(points=2)
@after(
    each_customer_sees_the_own_account,
    a_change_is_seen_at_every_server,
    a_change_outlives_its_server,
)
def lab_check_finds_state_only_in_the_shared_folder(work: Work) -> None:
    """`lab check` finds state in what all servers share, or none."""
    volume = work.new_volume()
    talk = TALK.format(name=some_name(work.random), address=some_name(work.random))
    require_state_is_shared(work, talk, platform(work, volume), volume)
