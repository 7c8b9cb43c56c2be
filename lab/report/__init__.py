"""Shows a finished run: every module is a pure function of the results."""
