/** <lab-token>: the slip in this customer's hand: read it, have it verified, and who can sign. */

import { act } from "./customer.js";
import { h, refill, say } from "./dom.js";
import { decode, forged, signedAt, split } from "./slip.js";
import { subscribe } from "./state.js";

const SHOWN = 44; // characters of a part; the rest is told by its length

class LabToken extends HTMLElement {
  connectedCallback() {
    if (this.empty) return;
    this.empty = h("p", {}, "No token yet. ", h("button", { type: "button", class: "small", onclick: () => this.login() }, "Log in at both desks"));
    this.parts = h("p", { class: "slip mono" });
    this.json = h("pre");
    this.edit = h("textarea", { rows: 5, spellcheck: "false", "aria-label": "The payload, to be changed" });
    this.told = h("p", { class: "told", role: "status" });
    this.signed = h("p");
    this.boxes = h("div", { class: "boxes" }, this.decodeBox(), this.verifyBox(), this.signBox());
    this.append(this.empty, this.parts, this.boxes);
    subscribe((now) => this.draw(now));
  }

  decodeBox() {
    return box("Decode", "In this browser, without any key: readable, not secret.", this.json);
  }

  verifyBox() {
    const send = () => this.verify();
    return box("Verify", "Only the desk can: its key is on the server. Change something, and keep the old signature.", this.edit,
      h("p", { class: "row" },
        h("button", { type: "button", class: "small verify", onclick: send }, "Send it to the desk"),
        h("button", { type: "button", class: "small forge", onclick: () => this.forge() }, "Change the quantity to 99"),
        h("button", { type: "button", class: "small", onclick: () => this.restore() }, "As it was")), this.told);
  }

  signBox() {
    return box("Sign", "Only the desk can, with the same key. Each of its answers brings a newly signed token.", this.signed);
  }

  draw({ me }) {
    const token = me?.credentials?.stateless?.token ?? null;
    const parts = split(token);
    this.empty.hidden = Boolean(parts);
    this.parts.hidden = this.boxes.hidden = !parts;
    if (!parts || token === this.token) return;
    this.token = token;
    refill(this.parts, token.slice(-43), () => drawn(parts));
    this.read(parts);
  }

  async read(parts) {
    this.claims = await decode(parts);
    const text = JSON.stringify(this.claims, null, 2);
    say(this.json, text);
    this.edit.value = text;
    say(this.signed, `The newest was signed at ${signedAt(parts).toLocaleTimeString()}.`);
  }

  restore() {
    this.edit.value = JSON.stringify(this.claims, null, 2);
    say(this.told, "");
  }

  forge() {
    const claims = structuredClone(this.claims);
    const goods = claims.visit?.quantities ?? claims.visit?.lines ?? claims.visit;
    change99(goods);
    this.edit.value = JSON.stringify(claims, null, 2);
    return this.verify();
  }

  async verify() {
    try {
      const claims = JSON.parse(this.edit.value);
      const untouched = JSON.stringify(claims) === JSON.stringify(this.claims);
      const token = untouched ? this.token : forged(split(this.token), claims);
      say(this.told, "… sent to the desk");
      const { ops } = await act({ do: "verify", token, desks: ["stateless"] });
      this.answer(ops.stateless, untouched);
    } catch (error) {
      say(this.told, error instanceof SyntaxError ? `✕ This is no JSON: ${error.message}` : `✕ ${error.message}`);
    }
  }

  answer(op, untouched) {
    const stop = subscribe(({ scene }) => {
      const exchange = scene.exchanges.get(op);
      if (!exchange) return;
      queueMicrotask(() => stop());
      const what = untouched ? "unchanged" : "changed";
      const detail = exchange.response.body?.detail;
      say(this.told, exchange.status === 200 ? `✓ ${what}, and the desk accepts it: 200.` : `✕ ${what}, and the desk refuses it: ${exchange.status}${detail ? `, “${detail}”` : ""}.`);
    });
  }

  login() {
    return act({ do: "login" }).catch((error) => say(this.told, `✕ ${error.message}`));
  }
}

function box(title, sentence, ...content) {
  return h("section", { class: "box" }, h("h3", {}, title), h("p", { class: "soft" }, sentence), content);
}

function drawn(parts) {
  const names = Object.keys(parts);
  return names.flatMap((name, index) => [
    index > 0 && h("span", { class: "dot-between" }, "."),
    h("span", { class: `slip-part ${name}` }, h("span", { class: "name" }, name), shortened(parts[name])),
  ]).filter(Boolean);
}

function shortened(text) {
  return text.length <= SHOWN ? `${text.slice(0, 6)}… (${text.length} characters)` : `${text.slice(0, SHOWN - 12)}… (${text.length} characters)`;
}

/** Set the first quantity there is to 99, however the payload names it. */
function change99(value) {
  if (!value || typeof value !== "object") return false;
  for (const [name, item] of Object.entries(value)) {
    if (typeof item === "number" && !["revision", "exp"].includes(name)) {
      value[name] = 99;
      return true;
    }
    if (change99(item)) return true;
  }
  return false;
}

customElements.define("lab-token", LabToken);
