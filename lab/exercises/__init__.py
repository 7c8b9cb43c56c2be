"""Coursework: exercises, the checks that run on a student's work, and what they found.

An exercise is a folder:

    exercise.toml   title, kind, minutes, teaches, start, needs, three hints, step
    starter/        what the student gets, with a README.md; nothing hidden
    checks.py       the checks, in the order in which they run

A check is a function. Its docstring is what the student reads, its first line is its title:

    from lab.exercises import Work, after, check, require

    @check
    def it_answers(work: Work) -> None:
        '''The shop answers at /.'''
        with work.start() as shop:
            answer = shop.get("/")
            require(answer.status == 200, f"GET / answers {answer.status}", help="Is it there?")

    @check(points=2, hidden=True)
    @after(it_answers)
    def a_sum_is_right(work: Work) -> None:
        '''A sum is right.'''
        numbers = [work.random.randint(1, 99) for _ in range(3)]
        …

`require` raises `NotMet`; the exchange given as `evidence` (or else the last one of the check) is
shown as a line for curl, after those that led to it. `Work` says what a check can do.
"""

from typing import TYPE_CHECKING

from lab.exercises.declare import NotMet, after, check, require

if TYPE_CHECKING:
    from lab.exercises.work import Work

__all__ = ["NotMet", "Work", "after", "check", "require"]


def __getattr__(name: str) -> object:
    """Import `Work` when it is asked for: it loads an HTTP client, which a list does not need."""
    if name == "Work":
        from lab.exercises.work import Work

        return Work
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
