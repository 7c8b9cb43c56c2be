"""Child processes: start, watch, kill the whole group, leave nothing behind. No shop in here."""
