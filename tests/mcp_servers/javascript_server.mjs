// A server of the JavaScript SDK. STATELESS=1 turns sessions off, JSON=1 answers without event
// streams, PLANT names what it keeps in memory: "counter", "list" or "map".
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

const { PLANT, STATELESS, JSON: AS_JSON, PORT } = process.env;
const baskets = new Map();
const transports = new Map();
let asked = 0;
let unlocked = false;
const text = (value) => ({ content: [{ type: "text", text: value }] });
const packed = (items) => Buffer.from(JSON.stringify(items)).toString("base64url");

function made() {
  const server = new McpServer({ name: "demo", version: "1" });
  const secret = () => server.registerTool("secret", {}, () => text("secret"));
  server.registerTool(
    "add",
    { inputSchema: { a: z.number().int(), b: z.number().int() }, annotations: { readOnlyHint: true } },
    ({ a, b }) => text(String(a + b)),
  );
  server.registerTool("status", { annotations: { readOnlyHint: true } }, () => {
    asked += 1;
    if (PLANT === "list" && !unlocked) {
      unlocked = true;
      secret();
    }
    return text(PLANT === "counter" ? `asked ${asked} times` : "well");
  });
  server.registerTool("open_basket", {}, () => {
    const id = PLANT === "map" ? randomUUID() : packed([]);
    baskets.set(id, []);
    return text(JSON.stringify({ basket_id: id }));
  });
  server.registerTool(
    "add_item",
    { inputSchema: { basket_id: z.string(), item: z.string() } },
    ({ basket_id, item }) => {
      if (PLANT !== "map") {
        const items = [...JSON.parse(Buffer.from(basket_id, "base64url")), item];
        return text(JSON.stringify({ basket_id: packed(items), count: items.length }));
      }
      const items = baskets.get(basket_id);
      if (!items) throw new Error("no such basket");
      items.push(item);
      return text(JSON.stringify({ basket_id, count: items.length }));
    },
  );
  if (unlocked) secret();
  return server;
}

async function transportFor(request, body) {
  const session = request.headers["mcp-session-id"];
  if (transports.has(session)) return transports.get(session);
  if (!STATELESS && (session || !isInitializeRequest(body))) return null;
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: STATELESS ? undefined : randomUUID,
    enableJsonResponse: Boolean(AS_JSON),
    onsessioninitialized: (id) => transports.set(id, transport),
  });
  await made().connect(transport);
  return transport;
}

createServer(async (request, response) => {
  let sent = "";
  for await (const piece of request) sent += piece;
  if (request.method !== "POST" || request.url !== "/mcp") {
    response.writeHead(request.url === "/mcp" ? 405 : 404).end();
    return;
  }
  const body = JSON.parse(sent);
  const transport = await transportFor(request, body);
  if (transport) {
    await transport.handleRequest(request, response, body);
  } else {
    const error = { code: -32000, message: "Session not found" };
    response.writeHead(404, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error }));
  }
}).listen(Number(PORT), "127.0.0.1");
