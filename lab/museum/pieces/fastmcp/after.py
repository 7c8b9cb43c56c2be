import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("museum", log_level="WARNING")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


server.run(transport="streamable-http", port=int(sys.argv[1]), stateless_http=True)
