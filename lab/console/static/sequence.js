/** <lab-sequence>: both desks' requests as sequence diagrams, drawn as in reports, as far as the stage has shown them. */

import { getText } from "./api.js";
import { nameOf } from "./chosen.js";
import { $, h, mark, parseHtml } from "./dom.js";
import { state, subscribe } from "./state.js";
import { isShown, whenShown } from "./tabs.js";
import { DESKS, TITLES } from "./words.js";

const DRAW_EVERY_MS = 1000;

class LabSequence extends HTMLElement {
  connectedCallback() {
    if (this.columns) return;
    this.columns = Object.fromEntries(DESKS.map((desk) => [desk, h("div", { class: "drawn" })]));
    this.append(h("div", { class: "pair" }, DESKS.map((desk) => h("section", { class: "exchange", "data-desk": desk }, h("h3", {}, TITLES[desk]), this.columns[desk]))));
    this.texts = {};
    this.drawnAt = -DRAW_EVERY_MS;
    subscribe((now) => this.draw(now));
    whenShown(this, () => this.draw(state));
  }

  draw(now) {
    if (!isShown(this)) return;
    this.load(now);
    for (const desk of DESKS) this.cut(desk, now);
  }

  load({ recording, live, scene }) {
    const key = recording ? nameOf(recording) : `live ${scene.id}`;
    if (key === this.key) return;
    if (!recording && live && this.tooSoon()) return;
    this.key = key;
    for (const desk of DESKS) {
      if (recording || !live) this.show(desk, recording?.sequence?.[desk] ?? "");
      else this.fetch(desk, key);
    }
  }

  /** Redraw at most once a second, and finally in the newest state. */
  tooSoon() {
    const wait = DRAW_EVERY_MS - (performance.now() - this.drawnAt);
    if (wait <= 0) {
      this.drawnAt = performance.now();
      return false;
    }
    this.later ||= setTimeout(() => {
      this.later = 0;
      this.draw(state);
    }, wait);
    return true;
  }

  async fetch(desk, key) {
    try {
      const text = await getText(`/lab/sequence/${desk}`);
      if (key === this.key) this.show(desk, text);
    } catch (error) {
      if (key !== this.key) return;
      this.texts[desk] = null;
      this.columns[desk].replaceChildren(h("p", { class: "trouble" }, `✕ ${error.message}`));
    }
  }

  show(desk, text) {
    if (this.texts[desk] === text) return;
    this.texts[desk] = text;
    const panel = this.closest('[role="tabpanel"]');
    const atEnd = panel.scrollTop > 0 && panel.scrollTop + panel.clientHeight >= panel.scrollHeight - 4;
    place(this.columns[desk], text);
    this.cut(desk, state);
    if (atEnd) panel.scrollTop = panel.scrollHeight; // keep following the end
  }

  /** Hide what the stage has yet to show: everything from the first such row on. */
  cut(desk, now) {
    const column = this.columns[desk];
    const rows = [...column.querySelectorAll("[data-y]")];
    if (!rows.length) return;
    const first = rows.findIndex(waiting(desk, now));
    const end = first < 0 ? Infinity : Number(rows[first].dataset.y);
    rows.forEach((row, n) => mark(row, "hidden", first >= 0 && n >= first));
    for (const strip of column.querySelectorAll("svg")) {
      const box = strip.viewBox.baseVal;
      strip.dataset.high ??= box.height;
      mark(strip, "hidden", end <= box.y);
      box.height = Math.max(0, Math.min(Number(strip.dataset.high), end - box.y));
    }
    mark($(".note", column), "hidden", first >= 0);
  }
}

/** A test of the rows of a desk's drawing, in their order: has the stage yet to show this one? */
function waiting(desk, { recording, shown: { stage, travelling } }) {
  if (!recording) return ({ dataset: { op, at } }) => travelling.has(op) || Number(at) > stage.at;
  const heard = recording.events.slice(0, recording.cursor);
  const ops = new Set(heard.map(({ op }) => op));
  let faults = heard.filter((each) => ["fault", "setting"].includes(each.kind) && [desk, ""].includes(each.desk)).length;
  return ({ dataset: { op } }) => (op ? travelling.has(op) || !ops.has(op) : --faults < 0);
}

function place(column, text) {
  if (!text) return column.replaceChildren(h("p", { class: "soft" }, "No request yet: each one is drawn here, in order."));
  const body = parseHtml(text);
  const [drawing, there] = [$(".drawing", body), $(".drawing", column)];
  if (!drawing || !there) return column.replaceChildren(...body.childNodes);
  // The frame may have the focus: keep it and replace its content.
  there.replaceChildren(...drawing.childNodes);
  while (there.nextSibling) there.nextSibling.remove();
  drawing.remove();
  return column.append(...body.childNodes);
}

customElements.define("lab-sequence", LabSequence);
