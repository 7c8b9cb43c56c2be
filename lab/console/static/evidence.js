/** <lab-evidence>: the bytes of a request and its answer, at both desks. */

import { answerLines, changed, requestLines } from "./bytes.js";
import { copied } from "./clipboard.js";
import "./code.js";
import { h, refill } from "./dom.js";
import "./sequence.js";
import { set, shown, state, subscribe } from "./state.js";
import { showPanel } from "./tabs.js";

const DESKS = ["stateful", "stateless"];
const TITLES = { stateful: "Stateful", stateless: "Stateless" };

class LabEvidence extends HTMLElement {
  connectedCallback() {
    if (this.columns) return;
    this.note = h("p", { class: "picked" });
    this.columns = Object.fromEntries(DESKS.map((desk) => [desk, h("section", { class: "exchange", "data-desk": desk })]));
    this.append(this.note, h("div", { class: "pair" }, Object.values(this.columns)));
    subscribe((now) => this.draw(now));
  }

  draw(now) {
    const scene = shown(now);
    const picked = pickedOf(scene, now.selected);
    refill(this.note, picked ? now.selected : "", () => (picked ? [
      "Chosen on the stage. ",
      h("button", { type: "button", class: "small newest", onclick: () => set({ selected: null }) }, "Show the newest"),
    ] : []));
    this.note.hidden = !picked;
    for (const desk of DESKS) this.drawDesk(desk, scene, picked);
  }

  drawDesk(desk, scene, picked) {
    const request = picked?.desk === desk ? picked : newest(scene, desk);
    const exchange = request && scene.exchanges.get(request.op);
    const key = request ? `${request.id} ${exchange?.id ?? ""}` : "nothing";
    refill(this.columns[desk], key, () => [
      h("div", { class: "row" }, h("h3", {}, TITLES[desk]), exchange && buttons(exchange)),
      ...(exchange ? full(exchange, before(scene, exchange)) : request ? elsewhere(request) : nothing()),
    ]);
  }
}

/** The request that was chosen on the stage: by its op, or by nginx's id where it has none. */
export function pickedOf(scene, selected) {
  return selected ? scene.requests.find(({ op, request_id: id }) => op === selected || (!op && id === selected)) : undefined;
}

function newest(scene, desk) {
  const exchange = scene.last[desk];
  const request = scene.requests.findLast((each) => each.desk === desk);
  // Somebody else's request may be newer than our own last exchange.
  return request && (!exchange || request.id > exchange.id) && !scene.exchanges.has(request.op) && !request.who ? request : exchange;
}

function before(scene, exchange) {
  return [...scene.exchanges.values()].filter((each) => each.desk === exchange.desk && each.who === exchange.who && each.id < exchange.id).at(-1);
}

function nothing() {
  return [h("p", { class: "soft" }, "No request yet. Run the step, or use the shop: its bytes appear here.")];
}

function elsewhere({ method, path, status, replica, bytes_in: sent, bytes_out: got }) {
  return [
    h("p", { class: "summary" }, h("strong", {}, `${method} ${path}`), ` → ${status || "no answer"}${replica ? `, served by ${replica}` : ""}, ${sent} bytes in, ${got} bytes out`),
    h("p", { class: "soft" }, "Sent from elsewhere: nginx saw it. Its headers and its body were not recorded."),
  ];
}

function full(exchange, earlier) {
  const [sign, word] = exchange.look.slice(1);
  const served = exchange.replica ? `served by ${exchange.replica} (${exchange.instance.slice(0, 6)}…)` : "served by nobody";
  return [
    h("p", { class: "summary" }, h("strong", {}, exchange.customer), ` · ${served} · ${exchange.bytes_sent} bytes sent, ${exchange.bytes_received} received · ${exchange.elapsed_ms.toFixed(1)} ms`,
      sign && h("span", { class: `look ${exchange.look[0]}` }, ` ${sign} ${word}`)),
    message("Request", requestLines(exchange), earlier && requestLines(earlier)),
    message("Answer", answerLines(exchange), earlier && answerLines(earlier)),
  ];
}

function buttons(exchange) {
  const show = () => {
    set({ selected: exchange.op });
    showPanel("panel-code");
  };
  return [copyButton(exchange), h("button", { type: "button", class: "small", onclick: show }, "Show the code")];
}

function message(title, lines, earlier) {
  const fresh = changed(lines, earlier);
  const drawn = lines.map((line, index) => h("span", { class: `line${fresh.has(index) ? " new" : ""}` },
    fresh.has(index) && h("span", { class: "sign" }, h("span", { "aria-hidden": "true" }, "+ "), h("span", { class: "unseen" }, "new: ")), line.map(part), "\n"));
  return h("div", { class: "message" }, h("h4", {}, title), h("pre", {}, drawn));
}

function part({ text, secret }) {
  return secret ? h("mark", { class: "secret", title: `${secret}, shortened` }, "🔑︎ ", text, h("span", { class: "kind" }, ` ${secret}`)) : text;
}

function copyButton(exchange) {
  return copied("Copy as curl", () => command(exchange));
}

/** The command with this window's own credentials in it: they are in the clipboard, never on the screen. */
function command(exchange) {
  const { desk, curl } = exchange;
  const own = [state.me, state.second].find((each) => each?.who === exchange.who)?.credentials?.[desk] ?? {};
  const lines = [`BASE=${location.origin}/${desk}`, `TOKEN='${own.token ?? ""}'`];
  return [...lines, own.cookie ? curl.replace("-b jar -c jar", `-b '${own.cookie}'`) : curl, ""].join("\n");
}

customElements.define("lab-evidence", LabEvidence);
