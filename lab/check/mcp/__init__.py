"""MCP servers over streamable HTTP: the client, the conversation it makes up, its verdicts."""
