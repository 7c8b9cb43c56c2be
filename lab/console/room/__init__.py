"""The room of `lab class`: phones that vote, and are customers of both desks."""
