/** Where each phone's dot stands at a desk: pure, so that the same marks give the same picture. */

const LOST = "x", NO_ANSWER = "?", FOREIGN = "w", NO_CART = "-", AWAY = ".";
export const BELOW = { [NO_CART]: "no cart yet", [NO_ANSWER]: "no answer", [FOREIGN]: "not theirs", [LOST]: "lost" };
const DOTS_WIDTH = 1000;
const TOP = 70; // where the servers' boxes begin
const BOX = 330;
const BETWEEN = 16;
const HAND = 150; // the strip of the store, or of what customers carry
const HEAP = 190;

/** The places at a desk: {width, height, boxes: [{key, label, x, y, w, h}]}. `desk` is of the room's state. */
export function placesOf(name, { servers, store }) {
  const w = (DOTS_WIDTH - BETWEEN * (servers.length - 1)) / Math.max(1, servers.length);
  const boxes = servers.map(([server, state], n) => ({ key: server, label: server, state, x: n * (w + BETWEEN), y: TOP, w, h: BOX }));
  const inHand = name === "stateless";
  if (inHand || store !== "memory") {
    boxes.forEach((box) => { box.h = BOX - HAND - BETWEEN; });
    boxes.push({ key: inHand ? "h" : "s", label: inHand ? "with the customers" : "in the store", x: 0, y: TOP + BOX - HAND, w: DOTS_WIDTH, h: HAND });
  }
  const heaps = Object.entries(BELOW);
  const part = (DOTS_WIDTH - BETWEEN * (heaps.length - 1)) / (heaps.length + 2); // two of them may take the whole room
  let x = 0;
  for (const [key, label] of heaps) {
    const w = key === LOST || key === NO_ANSWER ? 2 * part : part;
    boxes.push({ key, label, heap: true, x, y: TOP + BOX + BETWEEN, w, h: HEAP });
    x += w + BETWEEN;
  }
  return { width: DOTS_WIDTH, height: TOP + BOX + BETWEEN + HEAP, boxes };
}

/** The dots: [{number, mark, x, y, r}] in the places of `placesOf`; phones that are gone have none. */
export function dotsOf(marks, { boxes }) {
  const by = new Map(boxes.map((box) => [box.key, { box, phones: [] }]));
  [...marks].forEach((mark, n) => {
    if (mark !== AWAY) (by.get(mark) ?? by.get(NO_ANSWER)).phones.push({ number: n + 1, mark });
  });
  return [...by.values()].flatMap(({ box, phones }) => phones.map((phone, n) => ({ ...phone, ...spot(n, phones.length, box) })))
    .sort((a, b) => a.number - b.number);
}

/** How many carts are kept, lost, and so on: {kept, lost, unanswered, foreign, none}. */
export function countsOf(marks) {
  const count = (mark) => [...marks].filter((each) => each === mark).length;
  const all = [...marks].filter((each) => each !== AWAY).length;
  const [lost, unanswered, foreign, none] = [LOST, NO_ANSWER, FOREIGN, NO_CART].map(count);
  return { all, lost, unanswered, foreign, none, kept: all - lost - unanswered - foreign - none };
}

/** Dot number `n` of `all` in a box: rows from below, as large as all of them leave room for. */
function spot(n, all, { x, y, w, h }) {
  const [left, wide, bottom, high] = [x + 14, w - 28, y + h - 12, h - 58];
  let step = 40;
  const across = () => Math.max(1, Math.floor(wide / step));
  while (step > 4 && Math.ceil(all / across()) * step > high) step -= 0.5;
  return { x: left + ((n % across()) + 0.5) * step, y: bottom - (Math.floor(n / across()) + 0.5) * step, r: step * 0.4 };
}
