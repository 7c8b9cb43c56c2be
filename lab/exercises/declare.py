"""How checks are written: `@check` on a function, `@after` another, `require` in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, Protocol, TypeVar, overload

from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.exercises.work import Work

_MOST_EARNED = 1000
_MARKS, _COMES_AFTER = "two_desks_check", "two_desks_after"
CheckFunction = Callable[["Work"], None]
Function = TypeVar("Function", bound=Callable[..., object])


class Showable(Protocol):
    """What a failure may show: an exchange, or what `lab check` found."""

    def shown(self) -> str:
        """Return the evidence as text for a terminal."""


class NotMet(Exception):
    """What a check asks for does not hold. The text says what was seen, `help` what to try."""

    def __init__(
        self, rationale: str, *, help: str = "", evidence: Showable | str | None = None
    ) -> None:
        super().__init__(rationale)
        self.rationale = rationale
        self.help = help
        self.evidence = evidence


class CannotCheck(Exception):
    """The check cannot run, because of an earlier failure that the text names."""


def require(
    condition: object,
    rationale: str,
    *,
    help: str = "",
    evidence: Showable | str | None = None,
) -> None:
    """Raise NotMet unless the condition holds. `rationale` says what was seen instead."""
    if not condition:
        raise NotMet(rationale, help=help, evidence=evidence)


@overload
def check(function: Function, /) -> Function: ...
@overload
def check(*, points: int = 1, hidden: bool = False) -> Callable[[Function], Function]: ...
def check(
    function: Function | None = None, /, *, points: int = 1, hidden: bool = False
) -> Function | Callable[[Function], Function]:
    """Make a function a check worth `points`; only `lab grade` runs one that is `hidden`."""

    def mark(function: Function) -> Function:
        vars(function)[_MARKS] = (points, hidden)
        return function

    return mark if function is None else mark(function)


def after(*others: CheckFunction) -> Callable[[Function], Function]:
    """Run a check only if these other checks have passed."""

    def mark(function: Function) -> Function:
        vars(function)[_COMES_AFTER] = tuple(vars(function).get(_COMES_AFTER, ())) + others
        return function

    return mark


@dataclass(frozen=True)
class DeclaredCheck:
    """One check as it is declared: `title` and `text` are its docstring, `after` names others."""

    name: str
    title: str
    text: str
    points: int
    hidden: bool
    after: tuple[str, ...]
    function: CheckFunction


def declared(names: Mapping[str, object]) -> list[DeclaredCheck]:
    """Return the checks of a module in the order in which they stand there.

    LabError says what is wrong with one.
    """
    functions = [each for each in names.values() if callable(each) and _MARKS in _vars(each)]
    found = [_declared(function) for function in dict.fromkeys(functions)]
    seen = set[str]()
    for each in found:
        if each.name in seen:
            raise LabError(f"two checks are called {each.name}: rename one")
        if unknown := [name for name in each.after if name not in seen]:
            raise LabError(
                f"{each.name} runs after {unknown[0]}, which is not a check: put @check on it"
            )
        seen.add(each.name)
    if not found:
        raise LabError("there is no check in it: put @check on a function that takes the work")
    return found


def _vars(value: object) -> Mapping[str, object]:
    return vars(value) if hasattr(value, "__dict__") else {}


def _declared(function: CheckFunction) -> DeclaredCheck:
    name = function.__name__
    points, hidden = vars(function)[_MARKS]
    text = cleandoc(function.__doc__ or "")
    if not text:
        raise LabError(f"the check {name} has no docstring: write what the student should read")
    if not isinstance(points, int) or not 0 <= points <= _MOST_EARNED:
        raise LabError(f"the check {name}: points are a whole number from 0 to {_MOST_EARNED}")
    others = tuple(each.__name__ for each in vars(function).get(_COMES_AFTER, ()))
    title, _, rest = text.partition("\n")
    return DeclaredCheck(
        name, title.rstrip("."), rest.strip(), points, bool(hidden), others, function
    )
