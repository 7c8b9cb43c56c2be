"""Is *your* service stateless? Plays a conversation in several ways and compares the answers."""
