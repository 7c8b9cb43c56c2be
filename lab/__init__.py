"""Two Desks: a lab that measures what statelessness gives and what it costs."""
