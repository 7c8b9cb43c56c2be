/** How the result of a request looks: a class of the style sheet, a sign and a word. Pure. */

/** An answer from the balancer's cache quotes the server that it is from. */
export function isCached({ response }) {
  return header(response, "x-cache") === "HIT";
}

/** The value of a message's header, by its name in lower case; or undefined. */
export function header(message, name) {
  const headers = Object.entries(message?.headers ?? {});
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** Whose cart an answer shows to a customer whose it is not: "John's cart"; else "". */
export function strangeCart({ path, status, customer, response }) {
  const name = status === 200 && path?.startsWith("/api/cart") && response?.body?.user?.name;
  return name && name !== customer ? `${name}'s cart` : "";
}

/**
 * [class, sign, word] of a result, from its exchange, or else from its status alone.
 *
 * What was sent again is judged by its answer: it worked, or it did not; good for a `thief` is bad
 * for the customer. A refusal shows no cart, and says nothing of where the cart is.
 */
export function lookOf({ status }, exchange, thief) {
  const refused = status >= 400 || !status;
  const strange = exchange && strangeCart(exchange);
  if (strange) return ["lost", "✕", `✕ ${strange}`];
  if (exchange?.aside && !thief) return refused ? ["lost", "✕", "✕"] : ["kept", "✓", "✓"];
  if (exchange?.aside) return refused ? ["kept", "✓", "refused"] : ["lost", "✕", "accepted"];
  const [look, sign] = exchange?.look ?? (refused ? ["refused", "!"] : ["plain", ""]);
  const shown = look === "lost" && refused ? ["refused", "!"] : [look, sign];
  return [...shown, exchange && isCached(exchange) && !shown[1] ? "from the cache" : wordOf(shown[1], status)];
}

/** The result in a few characters: "200 ✓", "401 refused", "no answer". */
export function resultOf({ status }, word) {
  return status ? `${status} ${word}`.trim() : "no answer";
}

function wordOf(sign, status) {
  if (sign !== "!" && sign !== "?") return sign;
  if (status >= 500) return "failed";
  return sign === "!" ? "refused" : "unknown";
}
