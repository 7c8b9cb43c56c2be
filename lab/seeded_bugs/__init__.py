"""Desks with one bug each, to test whether the experiments notice it.

Nothing in the lab imports this package. Tests (and puzzles) run it as a process of its own, with
the names of the bug and of the desk:

    SEEDED_BUG=drop-adds DESK=stateless_app python -m lab.seeded_bugs --port 5004
"""
