"""Kept runs: opened (of older versions too), listed, deleted, and drawn as text, page or file."""
