"""The bundled scripts of a crowd: what one customer does in one iteration."""
