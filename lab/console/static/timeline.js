/**
 * <lab-timeline>: both desks on one axis of time, a mark for each request, a bold one for each fault.
 * In a recording it is also the control to seek.
 */

import { backButton } from "./back.js";
import { nameOf } from "./chosen.js";
import { h, mark, refill, say, svg } from "./dom.js";
import { lookOf } from "./looks.js";
import { plotOf } from "./scenes.js";
import { play, seekTo } from "./recording.js";
import { shown, subscribe } from "./state.js";
import { DESKS, FAULTS } from "./words.js";

const LOOKS = ["plain", "refused", "doubt", "kept", "lost"];
const ROW = 15; // px of one desk's row
const LEFT = 4;
const SHORTEST_S = 20;
const REDRAW_MS = 250;
const LABEL_PX = 6.4; // of one character, about; for leaving out labels that would touch

class LabTimeline extends HTMLElement {
  connectedCallback() {
    if (this.axis) return;
    this.paths = new Map(DESKS.flatMap((desk) => LOOKS.map((look) =>
      [`${desk} ${look}`, svg("path", { class: `mark ${look}`, "data-desk": desk })])));
    this.now = svg("line", { class: "now" });
    this.faults = svg("g", { class: "faults" });
    this.ends = svg("text", { class: "ends", "text-anchor": "end" });
    this.lines = DESKS.map((desk) => svg("line", { class: "row", "data-desk": desk }));
    this.axis = svg("svg", { role: "img" }, this.lines, [...this.paths.values()], this.faults, this.now, this.ends);
    this.append(h("div", { class: "axis" }, this.axis), this.player());
    new ResizeObserver(([{ contentRect }]) => this.resize(contentRect.width)).observe(this.axis.parentNode);
    subscribe((now) => this.draw(now));
  }

  player() {
    this.toggle = h("button", { type: "button", onclick: () => play() }, "▶ Play");
    this.range = h("input", { type: "range", min: 0, step: 1, "aria-label": "Event of the recording", oninput: () => seekTo(Number(this.range.value)) });
    this.where = h("span", { class: "where" });
    const live = backButton("to-live");
    this.controls = h("div", { class: "player", hidden: true }, this.toggle, this.range, this.where, live);
    return this.controls;
  }

  resize(width) {
    if (width === this.px) return;
    this.px = width;
    if (this.last) this.draw(this.last);
  }

  draw(now) {
    this.last = now;
    this.recording = now.recording;
    this.drawPlayer(now);
    const scene = shown(now);
    this.width = Math.round(this.px / (now.view.present ? 2 : 1)); // twice as large in presenter mode
    const key = `${nameOf(now.recording)} ${scene.id} ${this.width}`;
    if (!this.width || key === this.key || this.soon(scene)) return;
    this.key = key;
    const end = now.recording ? Math.max(0.1, now.recording.events.at(-1)?.at ?? 0) : Math.max(SHORTEST_S, scene.at);
    const x = (at) => LEFT + (at / end) * (this.width - 2 * LEFT);
    this.drawFrame(end, x(scene.at));
    this.drawMarks(scene, x, plotOf(now)?.thief);
    this.drawFaults(scene, x);
    mark(this.axis, "aria-label", summary(scene));
  }

  /** Draw requests a few times a second, and faults at once. */
  soon({ faults }) {
    const wait = REDRAW_MS - (performance.now() - (this.drawnAt ?? -REDRAW_MS));
    if (wait > 0 && faults.length === this.faultCount && !this.recording) {
      this.later ||= setTimeout(() => { this.later = 0; this.draw(this.last); }, wait);
      return true;
    }
    this.drawnAt = performance.now();
    this.faultCount = faults.length;
    return false;
  }

  drawFrame(end, at) {
    const height = 2 * ROW + 17; // the last line is for the labels
    const right = this.width - LEFT;
    put(this.axis, { width: this.px, viewBox: `0 0 ${this.width} ${height}` });
    this.lines.forEach((line, n) => put(line, { x1: LEFT, x2: right, y1: middle(n), y2: middle(n) }));
    put(this.now, { x1: at, x2: at, y1: 0, y2: 2 * ROW + 2 });
    put(this.ends, { x: right, y: height - 3 });
    say(this.ends, `${end.toFixed(end < 10 ? 1 : 0)} s`);
  }

  drawMarks({ requests, exchanges }, x, thief) {
    const strokes = new Map([...this.paths.keys()].map((key) => [key, ""]));
    for (const event of requests) {
      const [look] = lookOf(event, exchanges.get(event.op), thief);
      const key = `${event.desk} ${look}`;
      const drawn = stroke(look, x(event.at), middle(DESKS.indexOf(event.desk)));
      if (strokes.has(key)) strokes.set(key, strokes.get(key) + drawn);
    }
    for (const [key, path] of this.paths) mark(path, "d", strokes.get(key) || "M0 0");
  }

  drawFaults({ faults }, x) {
    let free = 0; // where the last label ended
    const room = this.width - 44;
    const drawn = faults.map((fault) => {
      const at = x(fault.at);
      const word = wordOf(fault);
      const size = word.length * LABEL_PX;
      const start = Math.max(LEFT, Math.min(at - size / 2, room - size));
      const fits = start >= free;
      if (fits) free = start + size + 6;
      return { fault, at, word, start, fits };
    });
    refill(this.faults, JSON.stringify(drawn.map(({ fault, start }) => [fault.id, start])), () => drawn.map(faultMark));
  }

  drawPlayer({ recording, act }) {
    mark(this.controls, "hidden", !recording);
    if (!recording) return;
    const { cursor, events } = recording;
    const at = `${(events[cursor - 1]?.at ?? 0).toFixed(1)} s`;
    mark(this.toggle, "hidden", act.running); // then Pause stands below the stage
    mark(this.range, "max", events.length);
    if (Number(this.range.value) !== cursor) this.range.value = cursor;
    mark(this.range, "aria-valuetext", `event ${cursor} of ${events.length}, ${at}`);
    say(this.where, `${cursor} / ${events.length} · ${at}`);
  }
}

/** Each look has its own shape, so that colour is not needed. */
function stroke(look, x, y) {
  const at = x.toFixed(1);
  if (look === "lost") return `M${x - 4} ${y - 4}l8 8m0-8l-8 8`;
  if (look === "kept") return `M${x - 3.5} ${y}l2.5 3.5l5-7.5`;
  if (look === "doubt") return `M${x - 3} ${y}a3 3 0 1 0 6 0a3 3 0 1 0-6 0`;
  if (look === "refused") return `M${at} ${y - 5}v6m0 2.2v1.8`;
  return `M${at} ${y - 2.5}v5`;
}

function faultMark({ fault, at, word, start, fits }) {
  const row = DESKS.indexOf(fault.desk); // none: a fault of the store, or a setting of both
  const [top, bottom] = row < 0 ? [0, 2 * ROW + 2] : [row * ROW + 1, (row + 1) * ROW + 1];
  return svg("g", { class: FAULTS[fault.fault]?.brings_up !== false ? "fault up" : "fault", "data-fault": fault.fault ?? fault.kind, "data-target": fault.target },
    svg("title", {}, `${word} at ${fault.at.toFixed(1)} s`),
    svg("line", { x1: at, x2: at, y1: top, y2: bottom }),
    fits && svg("text", { x: start, y: 2 * ROW + 13 }, word));
}

function wordOf({ kind, fault, target, evidence }) {
  if (kind === "setting") return `${target}: ${evidence?.value ?? "changed"}`;
  return `${fault} ${target}`;
}

function summary({ requests, faults }) {
  const count = (desk) => requests.filter((each) => each.desk === desk).length;
  const broken = faults.map((fault) => `${wordOf(fault)} at ${fault.at.toFixed(1)} s`).join(", ");
  return `Requests over time: ${count("stateful")} stateful, ${count("stateless")} stateless. ${broken || "No faults"}.`;
}

function put(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) mark(node, name, value);
}

function middle(row) {
  return row * ROW + ROW / 2 + 1;
}

// Whatever shows the axis shows more than a lesson does: its sheets are wanted from now on.
for (const sheet of document.querySelectorAll("link[disabled]")) sheet.disabled = false;

customElements.define("lab-timeline", LabTimeline);
