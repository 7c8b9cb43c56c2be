"""How cost grows with users: constants measured here, and pure rules from them to machines."""
