"""What every part of the lab may use: errors, units, redaction, statistics. It knows no shop."""
