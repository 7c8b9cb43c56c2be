/** An exchange as the text of HTTP/1.1, its credentials and its new lines marked: pure. */

const CREDENTIAL = /[^\s"';,=&:]*…\(\d+ chars, sha256 [0-9a-f]{8}\)/g;
const MOST_ROWS = 26; // rows of a body, about; the rest is folded
const ROW_CHARS = 60;
const WORTH_FOLDING = 6;
const MOST_COMPARED = 200_000; // pairs of lines

const SECRETS = { desk_session: "session id", desk_affinity: "balancer's cookie" };

/** The request as lines of parts: [[{text, secret: "session id" | "balancer's cookie" | "cookie" | "token" | null}, …], …]. */
export function requestLines(exchange) {
  const path = exchange.target ? `/@${exchange.target}${exchange.path}` : exchange.path;
  return [`${exchange.method} ${path} HTTP/1.1`, ...headers(exchange.request), ...body(exchange.request)].map(parts);
}

/** The response likewise, or why there is none. */
export function answerLines(exchange) {
  if (!exchange.status) return [parts(`no answer: ${exchange.error || "the connection ended"}`)];
  return [`HTTP/1.1 ${exchange.status}`, ...headers(exchange.response), ...body(exchange.response)].map(parts);
}

/** The indices of the `lines` that are new compared with `before`, as a set. */
export function changed(lines, before) {
  if (!before) return new Set();
  const [now, then] = [lines.map(textOf), before.map(textOf)];
  const kept = now.length * then.length > MOST_COMPARED ? inAny(now, then) : inOrder(now, then);
  return new Set([...now.keys()].filter((index) => now[index] && !kept.has(index)));
}

/** The parts of the head's `lines` at which something begins that the other desk's message has not: a header, or one of several cookies. */
export function unlike(lines, other) {
  if (!other) return new Set();
  const names = new Set(head(other).flatMap(namesOf));
  return new Set(head(lines).flatMap((line, index) => {
    const own = namesOf(line, index);
    const only = [...own.keys()].filter((at) => !names.has(own[at]));
    return only.length === own.length ? [line[0]] : only.map((at) => line.filter(({ cookie }) => cookie)[at]);
  }));
}

function head(lines) {
  const end = lines.findIndex((line) => !textOf(line));
  return end < 0 ? lines : lines.slice(0, end);
}

/** A header's name, or those of its cookies; of the first line, what was asked for: without the server, in whose place each desk has its own. */
function namesOf(line, index) {
  if (index === 0) return [textOf(line).replace(/^(\S+ )\/@[A-Z]/, "$1")];
  const name = textOf(line).split(":")[0].toLowerCase();
  const cookies = line.flatMap(({ cookie }) => (cookie ? [`${name} ${cookie}`] : []));
  return cookies.length ? cookies : [name];
}

/** How many of `lines` are shown unfolded: the whole head, and the beginning of a long body. */
export function unfolded(lines) {
  const head = lines.findIndex((line) => !textOf(line)) + 1 || lines.length;
  let rows = 0;
  let shown = head;
  while (shown < lines.length && (rows += 1 + Math.floor(textOf(lines[shown]).length / ROW_CHARS)) <= MOST_ROWS) shown += 1;
  const left = lines.slice(shown).reduce((sum, line) => sum + 1 + Math.floor(textOf(line).length / ROW_CHARS), 0);
  return left < WORTH_FOLDING ? lines.length : shown;
}

/** The text of a line. */
export function textOf(line) {
  return line.map(({ text }) => text).join("");
}

function headers(message) {
  return Object.entries(message.headers).flatMap(([name, value]) => String(value).split("\n").map((each) => `${name}: ${each}`));
}

function body({ body: content }) {
  if (content === null || content === "") return [];
  const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
  return ["", ...text.split("\n")];
}

/** Each cookie begins a part, with its name as `cookie`. */
function parts(line) {
  const [, header, value] = /^((?:set-)?cookie: )(.*)$/i.exec(line) ?? [];
  if (!header) return marked(line, "token");
  const cookies = value.split(/^set/i.test(header) ? /(?<=, )(?=[^\s=;,]+=)/ : /(?<=; )/); // in an answer, "; " is followed by what a cookie is like
  return [{ text: header, secret: null }, ...cookies.flatMap((text) => {
    const [first, ...more] = marked(text, "cookie");
    return [{ ...first, cookie: text.split("=")[0] }, ...more];
  })];
}

function marked(text, other) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(CREDENTIAL)) {
    if (match.index > at) found.push({ text: text.slice(at, match.index), secret: null });
    found.push({ text: match[0], secret: SECRETS[/(\w+)=$/.exec(text.slice(0, match.index))?.[1]] ?? other });
    at = match.index + match[0].length;
  }
  if (at < text.length || !found.length) found.push({ text: text.slice(at), secret: null });
  return found;
}

/** The lines of `now` on a longest common subsequence with `then`: a set of indices. */
function inOrder(now, then) {
  const wide = then.length + 1;
  const best = new Uint16Array((now.length + 1) * wide);
  for (let i = now.length - 1; i >= 0; i -= 1) {
    for (let j = then.length - 1; j >= 0; j -= 1) {
      best[i * wide + j] = now[i] === then[j] ? best[(i + 1) * wide + j + 1] + 1 : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    }
  }
  const kept = new Set();
  for (let i = 0, j = 0; i < now.length && j < then.length;) {
    if (now[i] === then[j]) {
      kept.add(i);
      i += 1;
      j += 1;
    } else if (best[(i + 1) * wide + j] >= best[i * wide + j + 1]) i += 1;
    else j += 1;
  }
  return kept;
}

function inAny(now, then) {
  const known = new Set(then);
  return new Set([...now.keys()].filter((index) => known.has(now[index])));
}
