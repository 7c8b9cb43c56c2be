"""Many shoppers at once: the same script, intended start times, and a ledger for each of them.

The crowd runs in processes of its own (`generator`), so that what drives the load does not
share a processor's time slice with what measures it. `host` starts them and collects.
"""
