/** <lab-evidence>: the bytes of a request and its answer, at both desks. */

import { keyOf } from "./arrivals.js";
import { answerLines, changed, requestLines, unfolded, unlike } from "./bytes.js";
import { beforeOf, nameOf, newestOf, pickedOf, subjectOf } from "./chosen.js";
import { copied } from "./clipboard.js";
import { commandOf } from "./curl.js";
import { h, mark, refill, say, svg } from "./dom.js";
import { ownCustomers, set, shown, state, subscribe } from "./state.js";
import { isShown, showPanel, whenShown } from "./tabs.js";
import { DESKS, TITLES } from "./words.js";
import "./code.js";
import "./sequence.js";

const USUAL_ORIGIN = "http://127.0.0.1:8000"; // where `lab up` serves by default

class LabEvidence extends HTMLElement {
  connectedCallback() {
    if (this.columns) return;
    this.why = h("span");
    this.newest = h("button", { type: "button", class: "small newest", onclick: () => set({ selected: null }) }, "Show the newest");
    this.note = h("p", { class: "picked row", hidden: true }, this.why, this.newest);
    this.columns = DESKS.map((desk) => new Column(desk));
    this.append(this.note, h("div", { class: "pair" }, this.columns.map(({ node }) => node)));
    subscribe((now) => this.draw(now));
    whenShown(this, () => this.draw(state));
    document.addEventListener("selectionchange", () => this.held && this.draw(state));
  }

  draw(now) {
    if (!isShown(this)) return;
    const scene = shown(now);
    const picked = pickedOf(scene, now.selected);
    this.held = this.marking();
    this.note.hidden = !picked && !this.held;
    this.newest.hidden = !picked;
    say(this.why, this.held ? "Stands still while text in it is marked." : picked ? `${TITLES[picked.desk]}: the request chosen on the stage.` : "");
    if (this.held) return;
    const found = this.columns.map(({ desk }) => (
      picked?.desk === desk ? { request: picked, exchange: scene.exchanges.get(picked.op) } : newestOf(scene, desk, now.recording)));
    this.columns.forEach((column, n) => column.draw(found[n], found[1 - n].exchange, scene, now));
  }

  /** True if text is selected here; then it must not be replaced. */
  marking() {
    const marked = getSelection();
    return !marked.isCollapsed && this.contains(marked.anchorNode);
  }
}

/** One desk's request and response; its frame is built once, so that it keeps the focus. */
class Column {
  constructor(desk) {
    this.desk = desk;
    this.summary = h("p", { class: "summary" });
    this.buttons = h("p", { class: "row" },
      copied("Copy as curl", `${desk} desk`, () => this.command()),
      h("button", { type: "button", class: "small show-code", onclick: () => this.showCode() }, "Show the code", h("span", { class: "unseen" }, `, ${desk} desk`)));
    this.bytes = h("div", { class: "messages" });
    this.node = h("section", { class: "exchange", "data-desk": desk },
      h("div", { class: "head" }, h("h3", {}, TITLES[desk]), this.buttons), this.summary, this.bytes);
  }

  /** `other` is the other desk's exchange: where both were asked the same, what only one has is marked. */
  draw({ request, exchange }, other, scene, { recording, has }) {
    this.exchange = exchange;
    mark(this.node, "data-op", request && keyOf(request));
    this.buttons.hidden = !exchange;
    const key = `${has} ${nameOf(recording)} ${request?.id} ${exchange?.id} ${other?.id}`;
    refill(this.summary, key, () => (request ? summary(request, exchange) : [nothing(recording, has)]));
    refill(this.bytes, key, () => {
      if (!exchange) return request ? [h("p", { class: "soft" }, withoutBytes(request, recording))] : [];
      const earlier = beforeOf(scene, exchange);
      const alike = other?.method === exchange.method && pathOf(other) === pathOf(exchange) ? other : undefined;
      return [["Request", requestLines], ["Answer", answerLines]].map(([title, lines]) => (
        message(title, lines(exchange), earlier && lines(earlier), alike && lines(alike))));
    });
  }

  /** The command with this window's own credentials: for the clipboard, never for the screen. */
  command() {
    const { desk, who, curl } = this.exchange;
    const { recording, has } = state;
    const served = has.includes("servers");
    const app = recording?.[desk === "stateful" ? "left" : "right"]?.app ?? desk;
    // A recording numbers its customers alike, but they are not ours, and what they held is void.
    const own = recording || !served ? undefined : ownCustomers().find((each) => each.who === who)?.credentials?.[desk];
    return commandOf(curl, `${served ? location.origin : USUAL_ORIGIN}/${app}`, own);
  }

  showCode() {
    const { op, method, path } = this.exchange;
    const subject = subjectOf(shown(), state.selected);
    // The newest is shown anyway: selecting it would only pin it.
    if (subject.method !== method || subject.path !== path.split("?")[0]) set({ selected: op });
    showPanel("panel-code");
  }
}

function nothing(recording, has) {
  if (!recording && !has.includes("lesson")) return "Nothing runs here. Open a run under Runs: its requests appear here as they were sent.";
  const shop = has.includes("servers") ? ", or use the shop" : "";
  return `No request yet. The newest one and its answer appear here, as they were sent: run the chapter${shop}.`;
}

function withoutBytes({ who }, recording) {
  if (recording) return "The recording plays this request without its headers and body: they are in its result.json.";
  if (who) return "Sent from this page or another window of it; only the newest few hundred are kept here with headers and body.";
  return "Sent from elsewhere: nginx saw it, its headers and body were not recorded.";
}

function summary(request, exchange) {
  const { method, path, status, served_by, instance, customer } = exchange ?? request;
  const [sent, got, ms] = exchange ? [exchange.bytes_sent, exchange.bytes_received, exchange.elapsed_ms] : [request.bytes_in, request.bytes_out, request.ms];
  const look = exchange?.look;
  const served = served_by ? `served by ${served_by}${instance ? ` (${instance.slice(0, 4)})` : ""}` : "served by no server";
  return [
    h("strong", {}, `${method} ${path.split("?")[0]} → ${status || "no answer"}`), look?.[1] && h("span", { class: `look ${look[0]}` }, ` ${look[1]} ${look[2]}`),
    h("span", { class: "more" }, ` · ${customer ? `${customer}, ` : ""}${served} · ${sent} bytes sent, ${got} received · ${ms.toFixed(1)} ms`),
  ].filter(Boolean);
}

function pathOf({ path }) {
  return path.split("?")[0];
}

function message(title, lines, earlier, other) {
  const fresh = changed(lines, earlier);
  const own = unlike(lines, other);
  const drawn = (from, to) => lines.slice(from, to).map((line, index) => lineOf(line, fresh.has(from + index), own));
  const shownLines = unfolded(lines);
  return h("div", { class: "message" }, h("h4", { class: "unseen" }, title), h("pre", {}, drawn(0, shownLines)),
    shownLines < lines.length && fold(lines.length - shownLines, () => drawn(shownLines)));
}

function fold(count, rest) {
  const pre = h("pre");
  return h("details", { class: "fold", ontoggle: () => pre.firstChild || pre.append(...rest()) }, h("summary", {}, `… ${count} more line${count === 1 ? "" : "s"}`), pre);
}

function lineOf(line, fresh, own) {
  const sign = (name, word) => h("span", { class: `sign ${name}` }, word);
  const only = (each) => own.has(each) && sign("only", "≠ only here ");
  return h("span", { class: `line${fresh ? " new" : ""}${own.has(line[0]) ? " own" : ""}` },
    fresh && sign("fresh", "new "), line.map((each) => [only(each), part(each)]), "\n");
}

function part({ text, secret }) {
  return secret ? h("mark", { class: "secret" }, h("span", { class: "kind" }, key(), ` ${secret} `), text) : text;
}

function key() {
  return svg("svg", { class: "key", viewBox: "0 0 18 10", "aria-hidden": "true" }, svg("path", { d: "M8 5a3.2 3.2 0 1 1-.1-.8H17v3M13.5 4.2v2.3" }));
}

customElements.define("lab-evidence", LabEvidence);
