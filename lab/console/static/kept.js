/** What this browser remembers, and what one window of it does. Without storage both are empty. */

export const WINDOW = "sessionStorage"; // lives through a reload of the window

/** The text under that name, or null. */
export function recall(name, where = "localStorage") {
  try {
    return globalThis[where].getItem(nameOf(name));
  } catch {
    return null;
  }
}

/** The value that is kept as JSON under that name, or null. */
export function recallJson(name, where) {
  try {
    return JSON.parse(recall(name, where));
  } catch {
    return null;
  }
}

/** Remember the text; null forgets it. */
export function remember(name, text, where = "localStorage") {
  try {
    if (text === null) globalThis[where].removeItem(nameOf(name));
    else globalThis[where].setItem(nameOf(name), text);
  } catch {
    // Then it holds for as long as the page is open.
  }
}

/** Call `heed` when another window of this browser has changed what is kept under that name. */
export function onKept(name, heed) {
  addEventListener("storage", ({ key }) => key === nameOf(name) && heed());
}

function nameOf(name) {
  return `two-desks:${name}`;
}
