"""Load: virtual users run the same script at a planned rate, and every cart is accounted for.

The users run in worker processes of their own, so that the process that drives the load does
not share a processor's time slice with the one that measures it. `crowd_run` starts the workers
and collects their reports.
"""
