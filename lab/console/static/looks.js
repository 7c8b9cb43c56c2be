/** How the result of a request looks: a class of the style sheet, a sign and a word. Pure. */

/** An answer from the balancer's cache quotes the server that it is from. */
export function isCached({ response }) {
  return header(response, "x-cache") === "HIT";
}

/**
 * What a desk's cache keeps, in words: ["products", "John's cart"]. One that is "naive" keeps every answer to GET, an
 * obedient one those that allow it.
 */
export function keptBy({ exchanges }, desk, kind) {
  const kept = new Map();
  for (const { desk: where, method, path, status, underway, response } of exchanges.values()) {
    if (where !== desk || method !== "GET" || status !== 200 || underway || header(response, "x-cache") !== "MISS") continue;
    if (kind !== "naive" && /no-store|private/.test(header(response, "cache-control") ?? "")) continue;
    const name = response?.body?.user?.name;
    kept.set(path, path === "/api/products" ? "the products" : name ? `${name}'s cart` : path);
  }
  return [...kept.values()];
}

/** The value of a message's header, by its name in lower case; or undefined. */
export function header(message, name) {
  const headers = Object.entries(message?.headers ?? {});
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** [class, sign, word] of a result, as the console marks it: by its exchange, or its status alone. */
export function lookOf(request, exchange, thief) {
  return (thief && exchange?.theft) || (exchange ?? request).mark;
}

/** The result in a few characters: "200 ✓", "401 refused", "no answer". */
export function resultOf({ status }, word) {
  return status ? `${status} ${word}`.trim() : "no answer";
}
