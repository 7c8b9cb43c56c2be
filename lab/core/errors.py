"""The errors that the lab raises: for its own failures, and for a script's mistakes."""

STOPPED = "stopped by Ctrl-C"


class LabError(Exception):
    """The lab could not do its work (a port, a process, a file, a missing program).

    It is never a finding: the result of an experiment is a verdict. The text says what
    happened and what to do next; the command line prints it and exits with status 2.
    """


class NotPossible(LabError):
    """What was asked for cannot be done to what is there, as to kill what is dead.

    The lab works: in a script it is the script that failed.
    """


class ScriptMistake(Exception):
    """A script asked for something that does not exist, or gave something that does not fit.

    The fault is the script's, and its author reads the text: it says what would have fitted.
    """


def reason(error: Exception) -> str:
    """Return in words why a file or an address cannot be used: no number, and no second path."""
    if isinstance(error, UnicodeError):
        return "it is not text in UTF-8"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)


def describe_failure(error: Exception) -> str:
    """Return the text of an error, after its type where the lab did not expect it."""
    return str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"


def require(condition: object, otherwise: str) -> None:
    """Raise a LabError with this text unless the condition is true."""
    if not condition:
        raise LabError(otherwise)
