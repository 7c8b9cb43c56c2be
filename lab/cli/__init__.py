"""The command line: one module a command; `main` imports the one that is called."""
