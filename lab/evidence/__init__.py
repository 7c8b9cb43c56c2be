"""What happened, and what follows from it: exchanges, owed carts, measurements, results."""
