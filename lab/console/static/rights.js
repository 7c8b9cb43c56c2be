/**
 * The instructor's rights, kept for the next start of the lab: a key that signs and that no script
 * can read. What this browser sends proves the rights to one lab only, the one that asks. A
 * program that takes the port meanwhile hears nothing that it could use later.
 */

import { post, proveWith } from "./api.js";

const STORE = "keys";
const NAME = "instructor";
const HMAC = { name: "HMAC", hash: "SHA-256" };

let given = null;

/** Keep the key that a ticket was changed for. A browser that cannot needs a new ticket next time. */
export async function keepRights(key) {
  try {
    const bytes = new TextEncoder().encode(key);
    given = await crypto.subtle.importKey("raw", bytes, HMAC, false, ["sign"]);
    await inStore("readwrite", (keys) => keys.put(given, NAME));
  } catch {
    // A private window, or a page that was not opened on this machine.
  }
}

/**
 * Prove to the lab with this name that the rights are this browser's; true if it believes it.
 * `hasCookie`: it does so far. From then on each order carries the proof.
 */
export async function proveRights(life, hasCookie) {
  try {
    const key = given ?? (await inStore("readonly", (keys) => keys.get(NAME)));
    if (!key) return false;
    const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`page ${life}`));
    const proof = [...new Uint8Array(signed)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (!hasCookie) await post("/lab/enter", { proof });
    proveWith(proof);
    return true;
  } catch {
    return false;
  }
}

async function inStore(mode, act) {
  const opening = indexedDB.open("two-desks", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    return await settled(act(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
