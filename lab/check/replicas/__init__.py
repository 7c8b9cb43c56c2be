"""Replicas that run already: a conversation is spread over them; none is started or killed."""
