"""Child processes: start, watch, kill the whole group, leave nothing behind. It knows no shop."""
