/**
 * A signed token taken apart and put together: pure, and without any key. Its form is that of
 * itsdangerous' URLSafeTimedSerializer: payload.timestamp.signature, each in base64url; a
 * payload that begins with a dot is zipped (zlib).
 */

/** {payload, timestamp, signature} as they stand, or null if it is no such token. */
export function split(token) {
  const parts = /^(\.?[\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token ?? "");
  return parts && { payload: parts[1], timestamp: parts[2], signature: parts[3] };
}

/** What the payload says, as JSON. Nothing is checked: whoever holds a token can do this. */
export async function decode({ payload }) {
  const zipped = payload.startsWith(".");
  const bytes = fromBase64(zipped ? payload.slice(1) : payload);
  return JSON.parse(new TextDecoder().decode(zipped ? await unzip(bytes) : bytes));
}

/** When it was signed, as a Date: seconds since the epoch, big-endian. */
export function signedAt({ timestamp }) {
  const seconds = fromBase64(timestamp).reduce((sum, byte) => sum * 256 + byte, 0);
  return new Date(1000 * seconds);
}

/** A token that says something else, with the signature that was made for what it said before. */
export function forged(parts, claims) {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  return `${toBase64(bytes)}.${parts.timestamp}.${parts.signature}`;
}

function fromBase64(text) {
  const padded = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}

function toBase64(bytes) {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function unzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
