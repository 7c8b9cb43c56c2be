"""The pytest plugin: a suite that exists is run on several processes of its service."""
