"""Commands that people guess: what each is called here."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from lab.core.nearest import SURE
from lab.core.shell import quoted

_UP = "`lab up` runs both desks and the page, and Ctrl-C there stops them"
_PAUSE = "`lab pause B` freezes a server, `lab resume B` lets it go on"
_LIST = "`lab list` lists the scripts, `lab show NAME` explains one"
_KILL = "`lab kill B` kills a server, `lab drain B` stops it when its last requests are done"
_SEE_REPORT = "`lab report --open` shows the newest run as a page"
_SEE_NEW = "`lab new mine.py` writes a script to begin with"
_CLEAN_RUNS = "`lab runs` lists the runs that are kept, `lab runs --clean` keeps the newest ten"
_DOCS = "`lab docs` lists the pages of the handbook"
_MEANT: Mapping[str, str] = {
    **dict.fromkeys(("start", "serve", "server", "console", "launch", "boot"), _UP),
    **dict.fromkeys(("stop", "down", "quit", "exit", "shutdown", "halt"), f"{_UP}. {_KILL}"),
    **dict.fromkeys(("freeze", "hang", "unpause", "continue", "thaw", "unfreeze"), _PAUSE),
    **dict.fromkeys(("remove", "rm", "crash-server", "terminate"), _KILL),
    **dict.fromkeys(("ls", "scripts", "experiments", "claims"), _LIST),
    **dict.fromkeys(("results", "result", "html", "junit"), _SEE_REPORT),
    **dict.fromkeys(("init", "create", "template", "scaffold", "write"), _SEE_NEW),
    **dict.fromkeys(("clean", "clear", "prune", "purge", "history", "logs"), _CLEAN_RUNS),
    **dict.fromkeys(("tutorial", "guide", "manual", "man", "handbook"), _DOCS),
    **dict.fromkeys(("ps", "servers", "info", "state"), "`lab status` shows each server"),
    **dict.fromkeys(("scale", "grow"), "`lab add` starts one more server at each desk"),
    **dict.fromkeys(("test", "exec", "execute", "start-script"), "`lab run NAME` runs a script"),
    **dict.fromkeys(("load", "stress", "bench", "benchmark"), "`lab crowd` sends many customers"),
    **dict.fromkeys(("set", "config", "settings"), "`lab reset --store redis` changes a setting"),
    "code": "`lab diff` compares the desks' code, `lab show crash --source` prints a script's",
    "docker": "`lab deploy compose` prints a compose.yaml",
}


def answer(name: str, commands: Iterable[str], scripts: Iterable[str]) -> str:
    """Return what to type in place of `lab NAME`, which does not exist.

    `scripts` are the names of the bundled scripts.
    """
    guess = name.lower().strip("-")
    if guess in commands:
        return f"commands are written in small letters: `lab {guess}`"
    if guess.replace("_", "-") in scripts:
        return f"that is a script: `lab run {guess.replace('_', '-')}` runs it"
    if guess.endswith(".py"):
        path = name if "/" in name or "\\" in name else f"./{name}"
        return f"to run a script of your own, give its path: `lab run {quoted(path)}`"
    if guess in _MEANT:
        return _MEANT[guess]
    near = get_close_matches(guess, [*commands, *scripts, *_MEANT])
    # A word that only points at a command has to be closer: "bogus" is not "logs".
    sure = get_close_matches(guess, _MEANT, cutoff=SURE)
    close = [word for word in near if word in sure or word not in _MEANT]
    if not close:
        return "`lab --help` lists the commands"
    if close[0] in commands:
        return f"did you mean `lab {close[0]}`?"
    return answer(close[0], commands, scripts)
