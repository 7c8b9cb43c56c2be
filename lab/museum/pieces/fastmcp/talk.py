ACCEPTED = {"Accept": "application/json, text/event-stream"}
CLIENT = {"name": "museum", "version": "1"}
HELLO = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": CLIENT}


def script(http):
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    session = http.post("/mcp", json=hello, headers=ACCEPTED).headers.get("mcp-session-id")
    headers = ACCEPTED | ({"Mcp-Session-Id": session} if session else {})
    sum_ = {"name": "add", "arguments": {"a": 2, "b": 3}}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": sum_}
    http.post("/mcp", json=call, headers=headers)
