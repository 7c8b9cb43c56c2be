"""The checks of tokens that have to stay revoked."""

from pathlib import Path

from lab.exercises import Work, after, check, require
from lab.exercises.repaired import require_state_is_shared, some_name
from lab.exercises.service import Service

TALK = """
def script(http):
    token = http.post("/login", json={{"name": "{name}"}}).json()["token"]
    mine = {{"Authorization": f"Bearer {{token}}"}}
    http.post("/logout", headers=mine)
    http.get("/account", headers=mine)
"""


def platform(work: Work, volume: Path) -> dict[str, str]:
    """Return what the platform gives to each server."""
    return {"SECRET_KEY": f"{work.random.getrandbits(256):064x}", "SHARED_DIR": str(volume)}


def sign_in(server: Service, name: str) -> dict[str, str]:
    """Return the header that a device sends from now on."""
    answer = server.post("/login", json={"name": name}).require_status(200)
    return {"Authorization": f"Bearer {answer.value('token')}"}


def require_open(server: Service, device: dict[str, str], name: str) -> None:
    """Require that the account opens, and that it is the right one."""
    answer = server.get("/account", headers=device).require_status(200)
    require(answer.value("name") == name, f"the account is {answer.value('name')!r}'s")


@check
def an_account_opens_until_its_owner_signs_out(work: Work) -> None:
    """A token opens its account until its owner signs out; without one it stays closed."""
    ada, ben = some_name(work.random), some_name(work.random)
    with work.start(env=platform(work, work.new_volume())) as server:
        one, other = sign_in(server, ada), sign_in(server, ben)
        require_open(server, one, ada)
        require_open(server, other, ben)
        server.get("/account").require_status(401)
        changed = one["Authorization"][:-8] + some_name(work.random)[:8]
        server.get("/account", headers={"Authorization": changed}).require_status(401)
        server.post("/logout", headers=one).require_status(204)
        server.get("/account", headers=one).require_status(
            401, help="After a logout the token is good for nothing."
        )
        require_open(server, other, ben)


@check
@after(an_account_opens_until_its_owner_signs_out)
def other_devices_stay_signed_in(work: Work) -> None:
    """Signing out on one device leaves the other devices of the customer signed in."""
    ada = some_name(work.random)
    with work.start(env=platform(work, work.new_volume())) as server:
        laptop, phone = sign_in(server, ada), sign_in(server, ada)
        server.post("/logout", headers=laptop).require_status(204)
        require_open(server, phone, ada)
        require_open(server, sign_in(server, ada), ada)


@check
@after(an_account_opens_until_its_owner_signs_out)
def another_server_refuses_the_token(work: Work) -> None:
    """A token that was revoked at one server is refused at another one.

    Two servers run, each with a disk of its own, both with the same SECRET_KEY and SHARED_DIR.
    """
    ada, env = some_name(work.random), platform(work, work.new_volume())
    with work.start(env=env) as one, work.start(env=env) as other:
        device = sign_in(one, ada)
        one.post("/logout", headers=device).require_status(204)
        other.get("/account", headers=device).require_status(
            401, help="Who has heard of the logout?"
        )


@check
@after(another_server_refuses_the_token)
def a_server_that_knows_the_token_refuses_it_too(work: Work) -> None:
    """A server that has opened the account before refuses the token as well."""
    ada, env = some_name(work.random), platform(work, work.new_volume())
    with work.start(env=env) as one, work.start(env=env) as other:
        device = sign_in(one, ada)
        require_open(other, device, ada)
        one.post("/logout", headers=device).require_status(204)
        other.get("/account", headers=device).require_status(
            401, help="What was true of a token a second ago may have changed at another server."
        )


@check
@after(an_account_opens_until_its_owner_signs_out)
def a_restart_forgets_no_logout(work: Work) -> None:
    """A token stays revoked when the servers are killed and started again, on new machines."""
    ada, env = some_name(work.random), platform(work, work.new_volume())
    with work.start(env=env) as server:
        device = sign_in(server, ada)
        server.post("/logout", headers=device).require_status(204)
        server.restart(work.new_disk())
        server.get("/account", headers=device).require_status(401)
        require_open(server, sign_in(server, ada), ada)


@check(points=2)
@after(a_server_that_knows_the_token_refuses_it_too, a_restart_forgets_no_logout)
def lab_check_finds_state_only_in_the_shared_folder(work: Work) -> None:
    """`lab check` finds state in what all servers share, or none."""
    volume = work.new_volume()
    talk = TALK.format(name=some_name(work.random))
    require_state_is_shared(work, talk, platform(work, volume), volume)
