"""Give processes a view of the disk in which what they write is seen by them alone.

Run as a script on Linux, never imported by the lab's other modules, and with nothing but the
standard library, since it is on the way of every start:

    python -I -S private_disk.py hold [SHARED_PATH…]
    python -I -S private_disk.py enter PID SIGNAL PARENT_PID NAME -- program argument…

`hold` makes the view in namespaces of its own for mounts and for System V shared memory (in a user
namespace too, where it is not root): over each directory at the top of the tree, and over each
mount, lies an empty writable layer (overlayfs); /dev/shm is empty; /proc, /sys, /dev and /run stay
as they are, and so do unix sockets everywhere, to which no layer lets connect. A shared path is the
real one. It prints "ready" or a line that says why not, and waits until its standard input ends.
`enter` becomes a program that sees what the process PID sees, and gets SIGNAL when its parent
dies. The lab is asked at the abstract socket NAME before each connection that it makes; "" asks
none. Sources:
mount_namespaces(7), user_namespaces(7), the kernel's Documentation/filesystems/overlayfs.rst.
"""

import ctypes
import os
import stat
import sys

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000  # <linux/sched.h>
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18  # <linux/mount.h>
SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
LAYERS = "/dev/shm/.two-desks"
AS_IT_IS = ("/proc", "/sys", "/dev", "/run")

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    """Raise OSError naming `what` where a call of the C library failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def attach(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Attach a file system at a path, as mount(2) does."""
    words = [None if each is None else os.fsencode(each) for each in (source, target, kind, data)]
    checked(libc.mount(words[0], words[1], words[2], flags, words[3]), f"mount {target}")


def own_namespace() -> bool:
    """Leave the machine's mounts and shared memory; True if that needed a user namespace."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0:
        return False
    checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return True


def mounts() -> list[str]:
    """Return the points at which something is mounted, outermost first, each once."""
    with open("/proc/self/mountinfo") as file:
        points = [line.split()[4].encode().decode("unicode_escape") for line in file]
    return sorted({point for point in points if point != "/" and not left_alone(point)})


def left_alone(path: str) -> bool:
    """Return True if a path stays as it is in the view."""
    return any(path == each or path.startswith(each + "/") for each in AS_IT_IS)


def tops() -> list[str]:
    """Return the directories at the top of the tree, symbolic links left out."""
    found = (entry for entry in os.scandir("/") if entry.is_dir(follow_symlinks=False))
    return sorted(entry.path for entry in found if not left_alone(entry.path))


def make_view(shared: list[str]) -> None:
    """Put an empty writable layer over everything that can be written."""
    in_user_namespace = own_namespace()
    attach("none", "/", None, MS_REC | MS_PRIVATE)
    # Opened before anything is covered: from then on a path leads into the view.
    places = [(path, os.open(path, os.O_PATH)) for path in dict.fromkeys([*tops(), *mounts()])]
    real = [(path, os.open(path, os.O_PATH)) for path in shared]
    sockets = [(path, handle) for path in unix_sockets() if (handle := opened(path)) is not None]
    attach("two-desks", "/dev/shm", "tmpfs", 0, "mode=1777")
    os.mkdir(LAYERS, 0o700)
    for number, (path, handle) in enumerate(places):
        below = f"/proc/self/fd/{handle}"
        if not os.path.isdir(below):
            attach(below, path, None, MS_BIND)
            continue
        try:
            cover(path, below, f"{LAYERS}/{number}", in_user_namespace)
        except OSError:  # a user namespace may not cover what hides a mount of others
            if writable(below):
                raise
    for path, handle in real:
        attach(f"/proc/self/fd/{handle}", path, None, MS_BIND | MS_REC)
    show_sockets(sockets)


def unix_sockets() -> list[str]:
    """Return the paths of the unix sockets of services that run."""
    with open("/proc/net/unix", errors="surrogateescape") as file:
        columns = [line.rstrip("\n").split(maxsplit=7) for line in file]
    paths = {each[7] for each in columns if len(each) == 8 and each[7].startswith("/")}
    return sorted(path for path in paths if not left_alone(path))


def show_sockets(sockets: list[tuple[str, int]]) -> None:
    """Let clients reach these unix sockets, but for those whose service has ended meanwhile."""
    for path, handle in sockets:
        try:
            attach(f"/proc/self/fd/{handle}", path, None, MS_BIND)
        except FileNotFoundError:
            continue


def opened(path: str) -> int | None:
    """Return a handle of a unix socket; None if no such is there for us."""
    try:
        handle = os.open(path, os.O_PATH)
    except OSError:
        return None
    return handle if stat.S_ISSOCK(os.stat(handle).st_mode) else None


def writable(folder: str) -> bool:
    """Return True if this user may write in a folder or in one that lies in it."""
    inside = [entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    return any(os.access(each, os.W_OK) for each in (folder, *inside))


def cover(path: str, below: str, layer: str, in_user_namespace: bool) -> None:
    """Lay an empty writable layer over a directory."""
    os.makedirs(f"{layer}/upper")
    os.makedirs(f"{layer}/work")
    status = os.stat(below)
    os.chmod(f"{layer}/upper", status.st_mode & 0o7777)
    if not in_user_namespace:
        os.chown(f"{layer}/upper", status.st_uid, status.st_gid)
    with open(f"{layer}/path", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(path)
    options = f"lowerdir={below},upperdir={layer}/upper,workdir={layer}/work"
    attach("overlay", path, "overlay", 0, options + (",userxattr" if in_user_namespace else ""))


def hold(shared: list[str]) -> int:
    """Make the view, say so, and keep it until standard input ends.

    For each byte that comes, say how many pieces of System V shared memory and message queues
    there are: only who is inside can see them.
    """
    try:
        make_view(shared)
    except OSError as error:
        print(error.strerror or error, flush=True)
        return 1
    print("ready", flush=True)
    while os.read(0, 1):
        print(sum(map(lines_after_the_first, ("shm", "msg"))), flush=True)
    return 0


def lines_after_the_first(name: str) -> int:
    """Return how many things /proc/sysvipc lists under a name."""
    with open(f"/proc/sysvipc/{name}") as file:
        return len(file.readlines()) - 1


def enter(pid: str, death_signal: int, parent: int, name: str, command: list[str]) -> None:
    """Become a program that sees what `pid` sees, and whose connections the lab is asked for."""
    folder = os.getcwd()
    handles = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in ("user", "mnt", "ipc")]
    if os.stat(f"/proc/{pid}/ns/user").st_ino != os.stat("/proc/self/ns/user").st_ino:
        checked(libc.setns(handles[0], CLONE_NEWUSER), "setns")
    for handle, kind in zip(handles[1:], (CLONE_NEWNS, CLONE_NEWIPC), strict=True):
        checked(libc.setns(handle, kind), "setns")
    os.chdir(folder)
    # Entering may have cleared what the parent asked for: see prctl(2).
    checked(libc.prctl(SET_DEATH_SIGNAL, death_signal, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        sys.exit("private_disk: the lab is gone")
    if name:
        report(name)
    os.execv(command[0], command)


def report(name: str) -> None:
    """Have the lab asked before each connection; the lab sees it where that is not possible."""
    sys.path.insert(0, os.path.dirname(__file__))
    from connect_filter import report_connections  # type: ignore[import-not-found]

    try:
        report_connections(name)
    except OSError:  # then the lab has heard of none
        return


def main(arguments: list[str]) -> int:
    """Obey `hold PATH…` or `enter PID SIGNAL PARENT_PID NAME -- COMMAND…`."""
    mode, *rest = arguments or [""]
    if mode == "hold":
        return hold(rest)
    if mode == "enter" and len(rest) > 5 and rest[4] == "--":
        try:
            enter(rest[0], int(rest[1]), int(rest[2]), rest[3], rest[5:])
        except OSError as error:
            sys.exit(f"private_disk: {error.strerror or error}")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
