"""The page of `lab up`: its web service, the running stack behind it, and the lesson."""
