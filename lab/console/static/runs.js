/** <lab-runs>: every run that is kept on this machine, to be opened and played back. */

import { get } from "./api.js";
import { h, refill, say } from "./dom.js";
import { openRun } from "./recording.js";
import { backToLive, subscribe } from "./state.js";

const SIGNS = { holds: "✓", fails: "✕", depends: "◐", unknown: "?" };

class LabRuns extends HTMLElement {
  connectedCallback() {
    if (this.list) return;
    this.list = h("ul", { class: "runs" });
    this.outline = h("div", { class: "outline" });
    this.told = h("p", { class: "trouble", role: "alert" });
    this.live = h("button", { type: "button", class: "small to-live", onclick: backToLive }, "Back to live");
    this.append(h("p", { class: "row" }, h("button", { type: "button", class: "small refresh", onclick: () => this.refresh() }, "Look again"), this.live), this.told,
      h("div", { class: "pair" }, this.list, this.outline));
    subscribe((now) => this.draw(now));
  }

  draw({ recording, live, plan }) {
    this.live.hidden = !recording || !live;
    if (this.closest("[hidden]") || this.asked || !plan) return;
    this.asked = true;
    this.refresh();
  }

  async refresh() {
    const { runs } = await this.attempt(() => get("/lab/runs"), { runs: [] });
    refill(this.list, JSON.stringify(runs), () => (runs.length ? runs.map((run) => this.entry(run)) : [
      h("li", { class: "soft" }, "No run is kept here yet. In a terminal: ", h("code", {}, "lab run crash")),
    ]));
  }

  entry({ name, experiments, began }) {
    const when = began ? new Date(began).toLocaleString() : "";
    return h("li", {}, h("button", { type: "button", "data-run": name, onclick: () => this.open(name) }, experiments?.join(", ") || name), h("span", { class: "soft" }, ` ${when}`));
  }

  async open(name) {
    const found = await this.attempt(() => get(`/lab/runs/${encodeURIComponent(name)}`), null);
    if (found) refill(this.outline, name, () => [h("h3", {}, found.name), ...found.experiments.map((each, index) => this.experiment(found.name, each, index))]);
  }

  experiment(run, { name, claim, verdict, number, because, lanes }, index) {
    const choose = ["stateful", "stateless"].map((app) => lanesOf(app, lanes));
    const play = () => this.attempt(() => openRun(run, index, ...choose.map(({ value }) => value || null)));
    return h("section", { class: "kept-run" }, h("h4", {}, name), h("p", {}, claim),
      h("p", { "data-verdict": verdict }, h("strong", {}, `${SIGNS[verdict] ?? "?"} ${verdict}`), ` ${number || because}`),
      h("p", { class: "row" }, h("label", {}, "Left ", choose[0]), h("label", {}, "Right ", choose[1]),
        h("button", { type: "button", class: "small main play-back", onclick: play }, "Play it back")));
  }

  /** Do it, and show as text what is refused. */
  async attempt(action, otherwise) {
    say(this.told, "");
    try {
      return await action();
    } catch (error) {
      say(this.told, `✕ ${error.message}`);
      return otherwise;
    }
  }
}

function lanesOf(app, lanes) {
  const first = lanes.find((lane) => lane.app === app);
  const told = ({ name, keeps, outcome }) => `${name} (${keeps})${outcome ? ` ${SIGNS[outcome.verdict]} ${outcome.verdict}` : ""}`;
  const select = h("select", {}, h("option", { value: "" }, "–"), lanes.map((lane) => h("option", { value: lane.name }, told(lane))));
  select.value = first?.name ?? "";
  return select;
}

customElements.define("lab-runs", LabRuns);
