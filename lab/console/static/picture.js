/** A page of text as a PNG, drawn on a canvas: nothing is loaded for it. */

const WIDTH = 1200;
const MARGIN = 36;
const GAP = 14; // between cells, and between lines of them
const SCALE = 2;
const [PAPER, INK, LINE] = ["#ffffff", "#16181c", "#c6ccd4"];

/** Resolve to a PNG of `parts`, one below the other: {cells: [texts], widths: [parts of 1], size, bold}. */
export function pictureOf(parts) {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const laid = parts.map((part) => layOut(pen, part));
  canvas.width = WIDTH * SCALE;
  canvas.height = SCALE * laid.reduce((height, { high }) => height + high, 2 * MARGIN);
  pen.scale(SCALE, SCALE);
  pen.fillStyle = PAPER;
  pen.fillRect(0, 0, WIDTH, canvas.height);
  let top = MARGIN;
  for (const part of laid) {
    draw(pen, part, top);
    top += part.high;
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function layOut(pen, { cells, widths, size = 15, bold = false }) {
  const font = `${bold ? 700 : 400} ${size}px system-ui, sans-serif`;
  pen.font = font;
  const lines = cells.map((text, n) => wrap(pen, text, widths[n] * (WIDTH - 2 * MARGIN) - GAP));
  return { lines, widths, size, font, high: Math.max(...lines.map((each) => each.length)) * size * 1.35 + GAP };
}

function draw(pen, { lines, widths, size, font, high }, top) {
  pen.font = font;
  pen.fillStyle = INK;
  let left = MARGIN;
  lines.forEach((texts, n) => {
    texts.forEach((text, row) => pen.fillText(text, left, top + size + row * size * 1.35));
    left += widths[n] * (WIDTH - 2 * MARGIN);
  });
  pen.fillStyle = LINE;
  if (lines.length > 1) pen.fillRect(MARGIN, top + high - GAP / 2, WIDTH - 2 * MARGIN, 1);
}

function wrap(pen, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (pen.measureText(longer).width <= width || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
