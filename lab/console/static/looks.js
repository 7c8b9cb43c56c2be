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

/** [class, sign, word] of a result, as the console marks it: by its exchange, or its status alone. */
export function lookOf(request, exchange, thief) {
  return (thief && exchange?.theft) || (exchange ?? request).mark;
}

/** The result in a few characters: "200 ✓", "401 refused", "no answer". */
export function resultOf({ status }, word) {
  return status ? `${status} ${word}`.trim() : "no answer";
}
