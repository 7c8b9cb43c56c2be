"""The lab's own failures: what went wrong, and what to do next."""


class LabError(Exception):
    """The lab could not do its work (a port, a process, a file, a missing program).

    Never a finding: what an experiment finds out is a verdict. The text says what
    happened and what to do next; the command line prints it and exits with status 2.
    """
