/**
 * Takes a signed token apart and puts one together: pure, and without a key. The format is that of
 * itsdangerous' URLSafeTimedSerializer: payload.timestamp.signature, each in base64url; a
 * payload that begins with a dot is zipped (zlib).
 */

/** {payload, timestamp, signature}, still encoded, or null if it is no such token. */
export function split(token) {
  const parts = /^(\.?[\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token ?? "");
  return parts && { payload: parts[1], timestamp: parts[2], signature: parts[3] };
}

/** The decoded payload. Nothing is verified: anyone who has a token can do this. */
export async function decode({ payload }) {
  const zipped = payload.startsWith(".");
  const bytes = fromBase64(zipped ? payload.slice(1) : payload);
  return JSON.parse(new TextDecoder().decode(zipped ? await through(new DecompressionStream("deflate"), bytes) : bytes));
}

/** When it was signed, as a Date: seconds since the epoch, big-endian. */
export function signedAt({ timestamp }) {
  const seconds = fromBase64(timestamp).reduce((sum, byte) => sum * 256 + byte, 0);
  return new Date(1000 * seconds);
}

/** A token with other claims and the old signature. */
export async function forged({ payload, timestamp, signature }, claims) {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  // Zipped if the old one was: otherwise a large cart would not fit into a header.
  const text = payload.startsWith(".") ? `.${toBase64(await through(new CompressionStream("deflate"), bytes))}` : toBase64(bytes);
  return `${text}.${timestamp}.${signature}`;
}

/** A part for display: a long one without its middle. */
export function shortened(part) {
  return part.length <= 12 ? part : `${part.slice(0, part.length > 60 ? 16 : 6)}…${part.slice(-4)}`;
}

function fromBase64(text) {
  const padded = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}

function toBase64(bytes) {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function through(transform, bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
