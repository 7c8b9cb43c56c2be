/** <lab-runs>: the runs that are kept on this machine, to be played back. */

import { get } from "./api.js";
import { backButton } from "./back.js";
import { h, mark, refill, say } from "./dom.js";
import { openRun } from "./recording.js";
import { keptRuns } from "./source.js";
import { state, subscribe } from "./state.js";
import { isShown, whenShown } from "./tabs.js";
import { VERDICT_SIGNS } from "./words.js";

class LabRuns extends HTMLElement {
  connectedCallback() {
    if (this.list) return;
    this.list = h("ul", { class: "runs" });
    this.outline = h("div", { class: "outline", hidden: true });
    this.trouble = h("p", { class: "trouble", role: "alert" });
    this.playing = h("span", { class: "playing" });
    const small = (name, label, onclick) => h("button", { type: "button", class: `small ${name}`, onclick }, label);
    this.all = small("all-runs", "← All runs", () => this.close());
    this.again = small("refresh", "Look again", () => this.refresh());
    this.live = backButton("small to-live");
    this.heading = h("h3", { tabindex: -1 });
    this.append(h("div", { class: "row" }, this.all, this.heading, !keptRuns && this.again, this.live, this.playing), this.trouble, this.list, this.outline);
    this.turn(false);
    subscribe((now) => this.draw(now));
    whenShown(this, () => this.draw(state));
  }

  draw(now) {
    const { recording, plan } = now;
    this.live.hidden = !recording;
    say(this.playing, recording ? `Playing: ${titleOf(recording)}` : "");
    for (const button of this.list.querySelectorAll("[data-run]")) mark(button, "aria-current", recording?.name === button.dataset.run);
    if (!plan || this.asked || !isShown(this)) return;
    this.asked = true;
    this.refresh();
  }

  async refresh() {
    const found = await this.attempt(() => get("/lab/runs"));
    if (!found) return; // keep what was known before
    refill(this.list, JSON.stringify(found.runs), () => (found.runs.length ? found.runs.map((run) => this.entry(run)) : [
      h("li", { class: "soft" }, "No run is kept here yet. In a terminal, in this folder: ", h("code", {}, "lab run crash"), ", then “Look again”."),
    ]));
  }

  entry({ name, experiments, began }) {
    return h("li", {}, h("button", { type: "button", class: "small", "data-run": name, onclick: () => this.open(name) }, experiments.join(", ")),
      h("time", { datetime: began }, began.replace("T", " ")), h("span", { class: "soft" }, name));
  }

  async open(name) {
    const found = await this.attempt(() => get(`/lab/runs/${encodeURIComponent(name)}`));
    if (!found) return;
    this.opener = name;
    say(this.heading, found.name);
    this.outline.replaceChildren(...found.experiments.map((each, index) => this.experiment(found.name, each, index)));
    this.turn(true);
    this.heading.focus();
  }

  close() {
    this.turn(false);
    const opener = [...this.list.querySelectorAll("[data-run]")].find(({ dataset }) => dataset.run === this.opener);
    (opener ?? this.again).focus();
  }

  turn(opened) {
    this.outline.hidden = this.all.hidden = this.heading.hidden = !opened;
    this.list.hidden = this.again.hidden = opened;
    say(this.trouble, "");
  }

  experiment(run, { name, claim, verdict, condition, decision, variants }, index) {
    const [left, right] = ["stateful", "stateless"].map((app) => choiceOf(app, variants));
    const play = () => this.attempt(() => openRun(run, index, left.value || null, right.value || null));
    return h("section", { class: "kept-run" },
      h("div", {}, h("h4", {}, `${name}:`), " ", h("p", {}, claim)),
      h("p", { class: "verdict", "data-verdict": verdict }, verdict && h("strong", {}, `${signed(verdict)} ${condition}`.trim()), `${verdict ? " · " : ""}${decision}`),
      h("p", { class: "row" }, h("label", {}, "Left: ", left), h("label", {}, "Right: ", right),
        h("button", { type: "button", class: "small main play-back", onclick: play }, "Play it back", h("span", { class: "unseen" }, `: ${name}`))));
  }

  /** Run it; show a refusal as text and return null. */
  async attempt(action) {
    say(this.trouble, "");
    try {
      return await action();
    } catch (error) {
      say(this.trouble, `✕ ${error.message}`);
      return null;
    }
  }
}

function titleOf({ name, experiment, left, right }) {
  return `${experiment?.name ?? name}, ${[left, right].filter(Boolean).map((lane) => lane.name).join(" beside ")}`;
}

function signed(verdict) {
  return `${VERDICT_SIGNS[verdict] ?? "?"} ${verdict}`;
}

/** A choice of variant for one side; at first the console's own choice. */
function choiceOf(app, variants) {
  const first = variants.find((each) => each.app === app);
  const named = ({ name, keeps, outcome }) => `${name}: ${keeps}${outcome?.verdict ? `, ${signed(outcome.verdict)}` : ""}`;
  const select = h("select", {}, !first && h("option", { value: "" }, "nothing"), variants.map((each) => h("option", { value: each.name }, named(each))));
  select.value = first?.name ?? "";
  return select;
}

customElements.define("lab-runs", LabRuns);
