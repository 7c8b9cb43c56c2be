"""The lesson of the page: its chapters as data, and the rules that check them."""
