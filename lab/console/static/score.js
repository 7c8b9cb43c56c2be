/** <lab-score>: what the last look at each cart showed, and what each desk spent, as the console counts it. */

import { h, mark, say } from "./dom.js";
import { NARROW } from "./stage.js";
import { shown, subscribe } from "./state.js";
import { DESKS, FATE_SIGNS, TITLES } from "./words.js";

const COLUMNS = [
  ["kept", `shown ${FATE_SIGNS.kept}`, ({ kept }) => kept],
  ["lost", `not shown ${FATE_SIGNS.unshown}`, ({ lost }) => lost],
  ["open", "not looked at yet", ({ open }) => open],
  ["errors", "refused or failed, without copies", ({ errors }) => errors],
  ["operations", "store operations", (score) => score.store_operations],
  ["bytes", "bytes there and back, per request", ({ bytes, requests }) => (requests ? Math.round(bytes / requests) : "–")],
];

class LabScore extends HTMLElement {
  connectedCallback() {
    if (this.cells) return;
    this.build();
    NARROW.addEventListener("change", () => {
      this.build();
      this.draw(shown());
    });
    subscribe((now) => this.draw(shown(now)));
  }

  /** One row for each desk; on a phone one column for each, since seven columns do not fit there. */
  build() {
    const cells = DESKS.flatMap((desk) =>
      COLUMNS.map(([name]) => [`${desk} ${name}`, h("td", { "data-desk": desk, "data-score": name }, "–")]));
    this.cells = new Map(cells);
    const at = (desk, name) => this.cells.get(`${desk} ${name}`);
    const desks = DESKS.map((desk) => ({ key: desk, word: TITLES[desk], desk }));
    const numbers = COLUMNS.map(([key, word]) => ({ key, word }));
    const [across, down] = NARROW.matches ? [desks, numbers] : [numbers, desks];
    const cell = (row, column) => (row.desk ? at(row.key, column.key) : at(column.key, row.key));
    const head = ({ key, word, desk }, scope) => h("th", { scope, "data-desk": desk },
      ["kept", "lost"].includes(key) && h("span", { class: "long" }, "carts "), word);
    this.replaceChildren(h("table", { class: "score" },
      h("caption", { class: "unseen" }, "Scoreboard"),
      h("thead", {}, h("tr", {}, h("td"), across.map((each) => head(each, "col")))),
      h("tbody", {}, down.map((row) => h("tr", {}, head(row, "row"), across.map((column) => cell(row, column)))))));
  }

  draw({ score }) {
    for (const desk of DESKS) {
      for (const [name, , read] of COLUMNS) {
        const cell = this.cells.get(`${desk} ${name}`);
        const value = score?.[desk] ? read(score[desk]) : "–";
        say(cell, typeof value === "number" ? value.toLocaleString("en") : value);
        mark(cell, "data-some", value > 0);
      }
    }
  }
}

customElements.define("lab-score", LabScore);
