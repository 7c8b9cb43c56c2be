"""What both desks sell, and the one contract they both keep."""
