/** <lab-code>: the very lines of both desks' app.py that served a request, side by side. */

import { get } from "./api.js";
import { h, refill } from "./dom.js";
import { pickedOf } from "./evidence.js";
import { shown, subscribe } from "./state.js";

const DESKS = ["stateful", "stateless"];

class LabCode extends HTMLElement {
  connectedCallback() {
    if (this.note) return;
    this.note = h("p", { class: "soft" });
    this.pair = h("div", { class: "pair" });
    this.append(this.note, this.pair);
    subscribe((now) => this.draw(now));
  }

  draw(now) {
    if (this.closest("[hidden]")) return;
    const { method, path, sent } = subject(now);
    const key = `${method} ${path.replace(/(items\/).+/, "$1…")}`;
    if (key === this.key) return;
    this.key = key;
    this.show(method, path, sent);
  }

  async show(method, path, sent) {
    const asked = this.key;
    try {
      const code = await get(`/lab/code?${new URLSearchParams({ method, path })}`);
      if (asked !== this.key) return; // another request has come meanwhile
      this.note.textContent = `${method} ${path}: ${sent ? "the lines that served it" : "the lines that will serve it"}. A bar marks what differs.`;
      refill(this.pair, asked, () => DESKS.map((desk) => passage(desk, code[desk])));
    } catch (error) {
      this.key = null;
      this.note.textContent = error.status === 404 ? `${method} ${path}: no route of the shop serves this.` : error.message;
    }
  }
}

function subject(now) {
  const scene = shown(now);
  const request = pickedOf(scene, now.selected) ?? scene.requests.at(-1);
  const chapter = now.plan?.chapters[now.view.step - 1];
  return request ? { ...request, sent: true } : { method: "GET", path: "/api/cart", ...chapter?.code, sent: false };
}

function passage(desk, { file, first_line: first, html }) {
  // Our own source, marked up by our own server: parsed, never run.
  const parsed = new DOMParser().parseFromString(`<pre>${html}</pre>`, "text/html").querySelector("pre");
  return h("section", { class: "exchange", "data-desk": desk }, h("h3", {}, file, h("span", { class: "soft" }, ` from line ${first}`)), document.adoptNode(parsed));
}

// A panel that was hidden is drawn when it is shown.
document.addEventListener("click", ({ target }) => {
  if (target.closest?.("[role=tab]")) requestAnimationFrame(() => document.querySelector("lab-code")?.redraw?.());
});
LabCode.prototype.redraw = function redraw() {
  this.key = null;
  subscribe((now) => this.draw(now))();
};

customElements.define("lab-code", LabCode);
