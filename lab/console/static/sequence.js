/** <lab-sequence>: both desks' requests as sequence diagrams, drawn by the code that draws reports. */

import { getText } from "./api.js";
import { h, refill } from "./dom.js";
import { subscribe } from "./state.js";

const DESKS = ["stateful", "stateless"];
const TITLES = { stateful: "Stateful", stateless: "Stateless" };
const AGAIN_MS = 1000;

class LabSequence extends HTMLElement {
  connectedCallback() {
    if (this.columns) return;
    this.columns = Object.fromEntries(DESKS.map((desk) => [desk, h("div", { class: "drawn" })]));
    this.append(h("div", { class: "pair" }, DESKS.map((desk) => h("section", { class: "exchange", "data-desk": desk }, h("h3", {}, TITLES[desk]), this.columns[desk]))));
    this.drawnAt = -AGAIN_MS;
    subscribe((now) => this.draw(now));
  }

  draw(now) {
    this.now = now;
    if (this.closest("[hidden]")) return;
    const { recording, live, scene } = now;
    if (recording) {
      for (const desk of DESKS) this.show(desk, recording.sequence?.[desk] ?? "");
    } else if (live && scene.id !== this.id) {
      this.fetch(scene.id);
    }
  }

  /** At most once a second, and the newest state in the end. */
  async fetch(id) {
    const wait = AGAIN_MS - (performance.now() - this.drawnAt);
    if (wait > 0) {
      this.later ||= setTimeout(() => {
        this.later = 0;
        this.draw(this.now);
      }, wait);
      return;
    }
    this.id = id;
    this.drawnAt = performance.now();
    for (const desk of DESKS) this.show(desk, await getText(`/lab/sequence/${desk}`).catch((error) => error.message));
  }

  show(desk, text) {
    refill(this.columns[desk], text, () => {
      if (!text) return [h("p", { class: "soft" }, "No exchange yet.")];
      // Drawn by our own server, every text of it escaped: parsed, never run.
      const parsed = new DOMParser().parseFromString(text, "text/html");
      return [...parsed.body.childNodes].map((node) => document.adoptNode(node));
    });
  }
}

customElements.define("lab-sequence", LabSequence);
