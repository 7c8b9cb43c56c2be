/** <lab-crowd>: send a crowd to both desks, and see live which server answers how many requests. */

import { post } from "./api.js";
import { h, mark, refill, say } from "./dom.js";
import { subscribe } from "./state.js";

const RUNNING = "running";

/** The bars of a crowd: for each desk its servers with their counts, and who got no answer last. */
export function barsOf(servers) {
  const most = Math.max(1, ...Object.values(servers).flatMap((counts) => Object.values(counts)));
  return Object.entries(servers).map(([desk, counts]) => ({
    desk,
    bars: Object.entries(counts).sort(([one], [other]) => (one === "") - (other === "") || one.localeCompare(other))
      .map(([name, number]) => ({ name: name || "no answer", number, most })),
  }));
}

class LabCrowd extends HTMLElement {
  connectedCallback() {
    if (this.line) return;
    this.size = h("input", { type: "number", min: 10, max: 200, value: 100, required: true });
    this.send = h("button", { class: "small main" }, "Send a crowd");
    this.form = h("form", { class: "row", onsubmit: (event) => this.start(event) }, h("label", {}, "Shoppers ", this.size), this.send);
    this.line = h("p", { class: "note", role: "status" });
    this.desks = h("div", { class: "row" });
    this.locked = h("p", { class: "note" }, "It starts servers on the instructor's machine, so the instructor alone sends it. On a machine of your own: ", h("code", {}, "lab crowd"));
    this.append(h("h3", {}, "A crowd at both desks"), h("p", { class: "note" }, "Beside the stage, on servers of its own; B is killed in the middle."), this.locked, this.form, this.line, this.desks);
    subscribe((now) => this.draw(now));
  }

  draw({ scene, instructor }) {
    const run = scene.run?.experiment === "crowd" ? scene.run : null;
    this.form.hidden = !instructor;
    this.locked.hidden = instructor;
    mark(this.send, "disabled", scene.run?.state === RUNNING);
    if (!run) return;
    const ended = run.state === "done" ? `Done: lab report ${run.run} --open shows the charts.` : `✕ ${run.trouble}`;
    say(this.line, run.state === RUNNING ? run.line : ended);
    refill(this.desks, JSON.stringify(run.servers), () => barsOf(run.servers ?? {}).map(({ desk, bars }) => h("section", { "data-desk": desk },
      h("h4", {}, desk), bars.map(({ name, number, most }) => h("label", { class: "row" }, `${name} `, h("progress", { max: most, value: number }), ` ${number}`)))));
  }

  async start(event) {
    event.preventDefault();
    try {
      await post("/lab/crowd", { shoppers: Number(this.size.value) });
      say(this.line, "It begins.");
    } catch (error) {
      say(this.line, `✕ ${error.message}`);
    }
  }
}

if (globalThis.customElements) customElements.define("lab-crowd", LabCrowd);
