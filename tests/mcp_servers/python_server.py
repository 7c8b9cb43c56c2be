"""A server of the Python SDK `mcp`, of before and after sessions were removed; or of `fastmcp`.

STATELESS=1 turns sessions off, JSON=1 answers without event streams, PLANT names what it keeps in
memory: "counter", "list" or "map". Without PLANT it keeps nothing.
"""

import base64
import inspect
import json
import os
import uuid

if os.environ.get("SDK") == "fastmcp":
    from fastmcp import FastMCP as Server
else:
    try:
        from mcp.server.mcpserver import MCPServer as Server
    except ImportError:
        from mcp.server.fastmcp import FastMCP as Server
from mcp.types import ToolAnnotations

PLANT = os.environ.get("PLANT", "")
READS = ToolAnnotations(readOnlyHint=True)
HOW = {
    "stateless_http": bool(os.environ.get("STATELESS")),
    "json_response": bool(os.environ.get("JSON")),
}
asked = 0
baskets: dict[str, list[str]] = {}


def known(function: object) -> dict[str, bool]:
    names = inspect.signature(function).parameters
    return {name: value for name, value in HOW.items() if name in names}


server = Server("demo", **known(Server.__init__))


@server.tool(annotations=READS)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def secret() -> str:
    """Tell a secret."""
    return "secret"


@server.tool(annotations=READS)
def status() -> str:
    """Say how the server is."""
    global asked
    asked += 1
    if PLANT == "list" and asked == 1:
        server.tool()(secret)
    return f"asked {asked} times" if PLANT == "counter" else "well"


@server.tool()
def open_basket() -> dict[str, str]:
    """Open a basket: its id goes into the calls that follow."""
    if PLANT != "map":
        return {"basket_id": packed([])}
    basket = uuid.uuid4().hex
    baskets[basket] = []
    return {"basket_id": basket}


@server.tool()
def add_item(basket_id: str, item: str) -> dict[str, str | int]:
    """Put an item into a basket."""
    if PLANT != "map":
        items = [*json.loads(base64.urlsafe_b64decode(basket_id)), item]
        return {"basket_id": packed(items), "count": len(items)}
    baskets[basket_id].append(item)
    return {"basket_id": basket_id, "count": len(baskets[basket_id])}


def packed(items: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(items).encode()).decode()


if os.environ.get("SDK") == "fastmcp":
    app = server.http_app(**known(server.http_app))
else:
    app = server.streamable_http_app(**known(server.streamable_http_app))
