/** The control that forgets what this browser keeps; it asks once more. */

import { button } from "./card.js";
import { say } from "./dom.js";
import { forgetNotes } from "./notes.js";

const ASKS_MS = 5000;

/** A button that forgets every prediction and every result. */
export function forgetting() {
  let sure = 0;
  const all = button("Forget my predictions", () => {
    clearTimeout(sure);
    const was = sure;
    sure = was ? 0 : setTimeout(() => calm(), ASKS_MS);
    say(all, was ? "Forgotten" : "Forget all, really?");
    if (was) forgetNotes();
  }, { name: "forget" });
  const calm = () => {
    sure = 0;
    say(all, "Forget my predictions");
  };
  return all;
}
