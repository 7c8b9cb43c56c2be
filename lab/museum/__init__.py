"""Six real outages by hidden state, each a small service on the real package, shown and mended.

A piece is a folder of `pieces`: what was reported (`piece.toml`), the service with the fault and
with the remedy (`before`, `after`: their difference is the remedy), and a client (`talk.py`).
"""
