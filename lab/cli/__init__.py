"""The command line: one module a command; `main` finds the one that was called."""
