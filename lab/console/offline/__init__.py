"""The page without servers: the lesson recorded from real runs, and written as one file."""
