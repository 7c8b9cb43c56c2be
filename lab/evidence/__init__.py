"""What happened, and what may be concluded from it: no processes, no printing."""
