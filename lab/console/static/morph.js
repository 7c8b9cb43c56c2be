/** Lets parts of the stage change into what they are drawn as next. */

import { STILL } from "./flight.js";

const MS = 400;
const SHOWN = ["borderColor", "borderWidth", "borderRadius", "backgroundColor"];

/** Note how `nodes` look; the function returned moves each from there to how it looks by then. */
export function morph(nodes) {
  const before = STILL.matches ? [] : nodes.filter((node) => node.checkVisibility()).map((node) => [node, lookOf(node)]);
  return () => before.forEach(([node, was]) => change(node, was));
}

function change(node, was) {
  if (!node.isConnected) return;
  const is = lookOf(node);
  const [dx, dy] = [was.box.left - is.box.left, was.box.top - is.box.top];
  const [wide, high] = [was.box.width / (is.box.width || 1), was.box.height / (is.box.height || 1)];
  node.animate([{ ...was.style, transformOrigin: "0 0", transform: `translate(${dx}px, ${dy}px) scale(${wide}, ${high})` },
    { ...is.style, transformOrigin: "0 0", transform: "none" }], { duration: MS, easing: "ease-in-out", fill: "backwards" });
}

function lookOf(node) {
  const style = getComputedStyle(node);
  return { box: node.getBoundingClientRect(), style: Object.fromEntries(SHOWN.map((name) => [name, style[name]])) };
}
