"""What every part of the lab may use: errors, units, faults, statistics. It knows no shop."""
