"""The shop that both desks run: catalogue, cart rules, validation and the HTTP contract."""
