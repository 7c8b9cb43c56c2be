/** An exchange as the text of HTTP/1.1, its credentials and its new lines marked: pure. */

const CREDENTIAL = /[^\s"';,=&:]*…\(\d+ chars, sha256 [0-9a-f]{8}\)/g;
const LONGEST = 60; // lines of a body

/** The request as lines of parts: [[{text, secret: "session id" | "token" | null}, …], …]. */
export function requestLines(exchange) {
  const path = exchange.server ? `/@${exchange.server}${exchange.path}` : exchange.path;
  return [`${exchange.method} ${path} HTTP/1.1`, ...headers(exchange.request), ...body(exchange.request)].map(parts);
}

/** The answer likewise; where none came, why. */
export function answerLines(exchange) {
  if (exchange.status === null) return [parts(`no answer: ${exchange.error}`)];
  return [`HTTP/1.1 ${exchange.status}`, ...headers(exchange.response), ...body(exchange.response)].map(parts);
}

/** Which of `lines` were not there before: a set of their indices. The first line is always itself. */
export function changed(lines, before) {
  if (!before) return new Set();
  const known = new Set(before.map(textOf));
  return new Set(lines.flatMap((line, index) => (textOf(line) && !known.has(textOf(line)) ? [index] : [])));
}

/** What a line says. */
export function textOf(line) {
  return line.map(({ text }) => text).join("");
}

function headers(message) {
  return Object.entries(message.headers).flatMap(([name, value]) => String(value).split("\n").map((each) => `${name}: ${each}`));
}

function body({ body: content }) {
  if (content === null || content === "") return [];
  const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
  const lines = text.split("\n");
  const left = lines.length - LONGEST;
  return ["", ...lines.slice(0, LONGEST), ...(left > 0 ? [`… ${left} lines more`] : [])];
}

function parts(line) {
  const found = [];
  let at = 0;
  for (const match of line.matchAll(CREDENTIAL)) {
    if (match.index > at) found.push({ text: line.slice(at, match.index), secret: null });
    found.push({ text: match[0], secret: /cookie/i.test(line.slice(0, match.index)) ? "session id" : "token" });
    at = match.index + match[0].length;
  }
  if (at < line.length || !found.length) found.push({ text: line.slice(at), secret: null });
  return found;
}
