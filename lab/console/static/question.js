/** A question with its choices, the sealed prediction, and the measured answer next to it. */

import { h } from "./dom.js";
import { GUESS_SIGNS } from "./words.js";

/** Ask: calls `seal(index)` with the choice, or `seal("skip")` without a prediction. */
export function asking(name, question, choices, seal) {
  let chosen = null;
  const done = h("button", { type: "button", class: "main seal", disabled: true, onclick: () => seal(chosen) }, "This is my prediction");
  const choose = (number) => {
    chosen = number;
    done.disabled = false;
  };
  const radios = choices.map(({ text }, number) => h("label", { class: "choice" },
    h("input", { type: "radio", name, value: number, onchange: () => choose(number) }), h("span", {}, text)));
  return [
    h("fieldset", { class: "asks" }, h("legend", {}, question), radios),
    h("p", { class: "bar" }, done, h("button", { type: "button", class: "skip-it", onclick: () => seal("skip") }, "Skip")),
  ];
}

/** The prediction; `change` is null once it is final. */
export function sealed(question, choices, guess, change) {
  const made = guess === "skip" ? "No prediction made." : ["My prediction: ", h("strong", {}, choices[guess]?.text ?? "")];
  return [
    h("p", { class: "asked" }, question),
    h("p", { class: "sealed", "data-guess": guess }, made),
    change && h("button", { type: "button", class: "small change", onclick: change }, "Change"),
  ];
}

/** The measured answer next to the prediction, in words and with a sign. */
export function judged(choices, guess, seen) {
  const [right, words] = judgement(choices, guess, seen);
  return h("p", { class: "judged", "data-right": right }, h("span", { class: "sign", "aria-hidden": "true" }, GUESS_SIGNS[right]), h("span", {}, words));
}

function judgement(choices, guess, seen) {
  const text = (number) => `“${choices[number]?.text.replace(/\.$/, "") ?? ""}”`;
  const predicted = typeof guess === "number";
  if (seen === null && choices.some(({ when }) => when)) {
    return ["none", `None of the choices fits what was measured this time.${predicted ? ` You predicted: ${text(guess)}.` : ""}`];
  }
  if (seen === null) {
    return ["open", predicted ? `You chose ${text(guess)}. Hold it against what was measured.` : "Hold your choice against what was measured."];
  }
  if (!predicted) return ["skipped", `It happened: ${text(seen)}.`];
  if (guess === seen) return ["yes", `As you predicted: ${text(seen)}.`];
  return ["no", `Not what you predicted. You said ${text(guess)}; what happened was ${text(seen)}.`];
}
