"""Views of a finished run: terminal, page, JUnit, HAR, curl and drawings. Pure functions."""
