"""The error that the lab raises for its own failures."""


class LabError(Exception):
    """The lab could not do its work (a port, a process, a file, a missing program).

    It is never a finding: the result of an experiment is a verdict. The text says what
    happened and what to do next; the command line prints it and exits with status 2.
    """
