"""The checks of photos that have to be there at every server."""

from pathlib import Path

from lab.exercises import Work, after, check, require
from lab.exercises.repaired import require_state_is_shared, some_name
from lab.exercises.service import Service

TALK = """
def script(http):
    http.put("/photos/{name}", data="{text}")
    http.get("/photos/{name}")
"""
NO_NAMES = ("Ada", "a_b", "a.b", "%2e%2e%2fserver.py")


def platform(volume: Path) -> dict[str, str]:
    """Return what the platform gives to each server."""
    return {"SHARED_DIR": str(volume)}


def photo(work: Work) -> bytes:
    """Return bytes by chance; they are no text."""
    return b"\xff\xd8\x00\r\n" + work.random.randbytes(work.random.randint(1000, 3000))


def put(server: Service, name: str, data: bytes) -> None:
    """Put a photo up."""
    answer = server.put(f"/photos/{name}", data=data).require_status(201)
    found = answer.value("name"), answer.value("bytes")
    require(found == (name, len(data)), f"PUT answers {found}, and not {(name, len(data))}")


def require_photo(server: Service, name: str, data: bytes, help: str = "") -> None:
    """Require that a photo is there, and is the right one."""
    answer = server.get(f"/photos/{name}").require_status(200, help=help)
    require(
        answer.content == data,
        f"the photo has other bytes: {len(answer.content)} of them, and not {len(data)}",
        help="A photo is bytes, and no text; and the newest one counts.",
    )


def require_list(server: Service, *names: str) -> None:
    """Require that the list has these photos, in their order."""
    found = server.get("/photos").require_status(200).value("photos")
    require(found == sorted(names), f"the list of photos is {found}, and not {sorted(names)}")


@check
def photos_are_put_up_and_taken_down(work: Work) -> None:
    """Photos are put up, replaced, listed and taken down, at one server."""
    one, other = some_name(work.random), f"{some_name(work.random)}-2"
    first, second, third = photo(work), photo(work), photo(work)
    with work.start(env=platform(work.new_volume())) as server:
        put(server, one, first)
        put(server, other, second)
        require_photo(server, one, first)
        put(server, one, third)
        require_photo(server, one, third)
        require_photo(server, other, second)
        require_list(server, one, other)
        server.delete(f"/photos/{one}").require_status(204)
        server.get(f"/photos/{one}").require_status(404)
        server.delete(f"/photos/{one}").require_status(404)
        require_list(server, other)
        for name in NO_NAMES:
            server.get(f"/photos/{name}").require_status(404)


@check
@after(photos_are_put_up_and_taken_down)
def another_server_has_the_photo(work: Work) -> None:
    """A photo that was put up at one server is seen at another one, and in its list.

    Two servers run, each with a disk of its own, both with the same SHARED_DIR.
    """
    env, name, data = platform(work.new_volume()), some_name(work.random), photo(work)
    with work.start(env=env) as one, work.start(env=env) as other:
        put(one, name, data)
        require_photo(other, name, data, help="On whose disk is it?")
        require_list(other, name)


@check
@after(another_server_has_the_photo)
def another_server_sees_each_change(work: Work) -> None:
    """A photo that is replaced or taken down at one server is so at the other one, at once."""
    env, name = platform(work.new_volume()), some_name(work.random)
    first, second = photo(work), photo(work)
    with work.start(env=env) as one, work.start(env=env) as other:
        put(one, name, first)
        require_photo(other, name, first)
        put(one, name, second)
        require_photo(other, name, second, help="What has the other server kept of the first one?")
        other.delete(f"/photos/{name}").require_status(204)
        one.get(f"/photos/{name}").require_status(404)
        require_list(one)


@check
@after(photos_are_put_up_and_taken_down)
def a_machine_may_be_lost(work: Work) -> None:
    """A photo stays when its server is killed, and started again on a new machine."""
    env, name, data = platform(work.new_volume()), some_name(work.random), photo(work)
    with work.start(env=env) as server:
        put(server, name, data)
        server.restart(work.new_disk())
        require_photo(server, name, data)
        require_list(server, name)


@check(points=2)
@after(another_server_sees_each_change, a_machine_may_be_lost)
def lab_check_finds_state_only_in_the_shared_folder(work: Work) -> None:
    """`lab check` finds state in what all servers share, or none."""
    volume = work.new_volume()
    talk = TALK.format(name=some_name(work.random), text=some_name(work.random))
    require_state_is_shared(work, talk, platform(volume), volume, ready="/photos")
