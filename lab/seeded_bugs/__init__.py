"""Bugs planted on purpose: each a desk that is broken in one way, to see whether the lab notices.

The fence: nothing in the lab imports this package. It is run, as a process of its own, by
tests (and by whoever sets a puzzle), with the name of the bug and of the desk it goes into:

    PLANTED_BUG=drop-adds DESK=stateless_app python -m lab.seeded_bugs --port 5004
"""
