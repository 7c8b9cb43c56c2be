"""How cost grows with users: from constants measured here to memory, traffic and machines."""
