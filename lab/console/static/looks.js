/** How the result of a request looks: a class of the style sheet, a sign and a word. Pure. */

/** The name of the one who sends requests again in the chapter that is open, or undefined. */
export function thiefOf({ recording, plan, view }) {
  return recording ? undefined : plan?.chapters[view.step - 1]?.thief;
}

/** [class, sign, word] of a result, as the console marks it: by its exchange, or its status alone. */
export function lookOf(request, exchange, thief) {
  return (thief && exchange?.theft) || (exchange ?? request).mark;
}

/** The result in a few characters: "200 ✓", "401 refused", "no answer". */
export function resultOf({ status }, word) {
  return status ? `${status} ${word}`.trim() : "no answer";
}
