"""The handbook: Markdown pages for GitHub, for `lab docs` and for the page of `lab up`."""
