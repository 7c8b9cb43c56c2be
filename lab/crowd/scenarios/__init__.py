"""Scripts for a crowd: what one customer does in one visit."""
