/** <lab-code>: the lines of both desks' app.py that served a request, and of state.py behind them, side by side. */

import { get } from "./api.js";
import { subjectOf } from "./chosen.js";
import { h, parseHtml, say } from "./dom.js";
import { set, shown, state, subscribe } from "./state.js";
import { isShown, whenShown } from "./tabs.js";
import { DESKS } from "./words.js";

const asked = new Map(); // "GET /api/cart" → what the console answers, asked for once

class LabCode extends HTMLElement {
  connectedCallback() {
    if (this.note) return;
    this.note = h("span", { class: "soft" });
    this.newest = h("button", { type: "button", class: "small newest", hidden: true, onclick: () => set({ selected: null }) }, "Show the newest");
    this.passages = DESKS.map((desk) => h("section", { class: "exchange", "data-desk": desk }));
    this.append(h("p", { class: "row" }, this.note, this.newest), h("div", { class: "pair" }, this.passages));
    subscribe((now) => this.draw(now));
    whenShown(this, () => this.draw(state));
  }

  draw(now) {
    if (!isShown(this)) return;
    const { method, path, sent, chosen } = subjectOf(shown(now), now.selected, now.plan?.chapters[now.view.step - 1]);
    this.newest.hidden = !chosen;
    this.about = `${method} ${path}: the lines that ${sent ? "served" : "will serve"} it.`;
    const key = `${method} ${path.replace(/(\/items\/).+/, "$1…")}`;
    if (key !== this.key) this.show(key, method, path);
    else if (this.found) this.describe();
  }

  async show(key, method, path) {
    this.key = key;
    this.found = null;
    try {
      if (!asked.has(key)) asked.set(key, get(`/lab/code?${new URLSearchParams({ method, path })}`));
      const code = await asked.get(key);
      if (key !== this.key) return; // another request was selected meanwhile
      this.found = code;
      this.describe();
      DESKS.forEach((desk, index) => this.passages[index].replaceChildren(...passagesOf(code, desk).flatMap(passage)));
    } catch (error) {
      if (error.status !== 404) asked.delete(key); // try again next time
      if (key === this.key) this.refuse(error.status === 404 ? `${method} ${path}: no route of the shop serves this.` : `✕ ${error.message}`);
    }
  }

  describe() {
    const differs = DESKS.some((desk) => passagesOf(this.found, desk).some((each) => each.differs));
    say(this.note, `${this.about} ${differs ? "≠ marks what differs." : "Both desks have the same lines here."}`);
  }

  refuse(sentence) {
    say(this.note, sentence);
    for (const each of this.passages) each.replaceChildren();
  }
}

/** An older recording has but the first of them. */
function passagesOf(code, desk) {
  return [code[desk]].flat();
}

function passage({ file, first_line: first, html }) {
  const lines = parseHtml(`<pre>${html}</pre>`).querySelector("pre");
  for (const each of lines.querySelectorAll(".o, .p")) if (/[.(]$/.test(each.textContent)) each.after(document.createElement("wbr")); // rather there than inside a word
  lines.style.counterReset = `line ${first - 1}`;
  return [h("h3", {}, file, h("span", { class: "soft" }, ` from line ${first}`)), document.adoptNode(lines)];
}

customElements.define("lab-code", LabCode);
