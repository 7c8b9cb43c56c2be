"""The nearest name that exists, for a message about one that does not."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from lab.core.errors import ScriptMistake

NO_WORDS: Mapping[str, str] = MappingProxyType({})
SURE, _LIKELY = 0.8, 0.55
_LEAST_PART = 3  # letters; "a" is part of too many names


def nearest(name: str, known: Iterable[str], words: Mapping[str, str] = NO_WORDS) -> str | None:
    """Return the known name that `name` most likely means, None if there is none like it.

    Case and underscores do not count. `words` are other words for known names ("buy" for "add").
    """
    plain = {_plain(each): each for each in known}
    plain |= {_plain(word): meant for word, meant in words.items() if _plain(word) not in plain}
    wanted = _plain(name)
    if wanted in plain:
        return plain[wanted]
    parts = [
        each
        for each in plain
        if min(len(each), len(wanted)) >= _LEAST_PART and (each in wanted or wanted in each)
    ]
    found = (
        get_close_matches(wanted, plain, 1, SURE)
        or sorted(parts, key=len, reverse=True)
        or get_close_matches(wanted, plain, 1, _LIKELY)
        or [each for each in plain if _shortens(wanted, each)]
    )
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _shortens(short: str, name: str) -> bool:
    """Return True if `short` is made of letters of `name`, in order: "qty" of "quantity"."""
    left = iter(name)
    return len(short) > 1 and short[:1] == name[:1] and all(letter in left for letter in short)


def no_attribute(
    of: object, title: str, name: str, words: Mapping[str, str] = NO_WORDS
) -> AttributeError:
    """Return the error for `of.name`, which does not exist: it names the nearest that does.

    `title` is what the author of a script calls `of`.
    """
    if name.startswith("__"):  # Python asks any object for these names
        return AttributeError(name)
    known = sorted(each for each in {*dir(type(of)), *vars(of)} if not each.startswith("_"))
    meant = nearest(name, known, words)
    dotted = meant if meant and "." in meant else f".{meant}"
    error = AttributeError(f"{title} has no .{name}" + (f": did you mean {dotted}?" * bool(meant)))
    error.add_note(f"It has {', '.join(known)}")
    return error


def no_argument(
    verb: str, name: str, known: Iterable[str], words: Mapping[str, str] = NO_WORDS
) -> ScriptMistake:
    """Return the error for an argument that a verb does not take: it names the nearest it does."""
    known = list(known)
    meant = nearest(name, known, words)
    error = ScriptMistake(
        f"{verb}() takes no {name}=" + (f": did you mean {meant}=?" * bool(meant))
    )
    error.add_note(f"It takes {', '.join(known)}")
    return error
