/** The way from a kept run that is played back to the stage of the lesson. */

import { h } from "./dom.js";
import { recorded } from "./source.js";
import { backToLive } from "./state.js";

const BACK = recorded ? "Back to the lesson" : "Back to live";

/** A button that leaves the recording; without a stage to go back to it is not there. */
export function backButton(name) {
  return h("button", { type: "button", class: name, "data-needs": "lesson", onclick: backToLive }, BACK);
}

/** What stands in a panel in place of all that has class "at-stage", while a kept run is shown. */
export function insteadOfStage() {
  return h("p", { class: "row kept-shown", role: "status", "data-needs": "lesson" }, "A kept run is shown. ", backButton("small"));
}
