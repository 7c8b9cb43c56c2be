/** <lab-token>: this customer's token, as a card: decode it, let the desk verify it, see who signs. */

import { insteadOfStage } from "./back.js";
import { act } from "./customer.js";
import { h, mark, say } from "./dom.js";
import { decode, forged, shortened, signedAt, split } from "./token-parts.js";
import { state, subscribe } from "./state.js";
import { until } from "./steps.js";

class LabToken extends HTMLElement {
  connectedCallback() {
    if (this.empty) return;
    const login = h("button", { type: "button", class: "small log-in", "data-needs": "servers", onclick: () => this.enter() }, "Log in at both desks");
    this.refusal = h("p", { class: "trouble", role: "alert" });
    this.empty = h("p", { class: "row at-stage" }, "No token yet: the stateless desk gives one at login. ", login);
    this.card = h("p", { class: "token-card at-stage" });
    this.boxes = h("div", { class: "boxes at-stage" }, this.decodeBox(), this.verifyBox(), this.signBox());
    this.append(insteadOfStage(), this.empty, this.refusal, this.card, this.boxes);
    subscribe((now) => this.draw(now));
  }

  decodeBox() {
    this.json = h("pre");
    return box("Decode", "here in the browser, without a key: readable, not secret.", this.json);
  }

  verifyBox() {
    this.edit = h("textarea", { rows: 6, spellcheck: "false", "aria-label": "A copy of the payload, to be changed" });
    this.older = h("p", { class: "soft", hidden: true }, "Your customer has a newer token now. This is still the one that you started with.");
    this.status = h("p", { class: "token-status", role: "status" });
    const verify = box("Verify", "at the desk, which has the key: send the copy below, changed or not, with the old signature.",
      h("p", { class: "row" },
        h("button", { type: "button", class: "small verify", onclick: () => this.verify() }, "Send it to the desk"),
        h("button", { type: "button", class: "small forge", onclick: () => this.forge() }, "Change the quantity to 99"),
        h("button", { type: "button", class: "small restore", onclick: () => this.restore() }, "As it was")), this.status, this.older, this.edit);
    mark(verify, "data-needs", "servers");
    return verify;
  }

  signBox() {
    this.signed = h("p", { class: "signed" });
    return box("Sign", "at the desk alone: login and each change of the cart bring a newly signed token.", this.signed);
  }

  draw({ me, shown: { travelling } }) {
    if ([...travelling.values()].some(({ desk, request, exchange }) => desk === "stateless" && (request ?? exchange)?.who === me?.who)) return; // it is handed over at the end of the way
    const token = me?.credentials?.stateless?.token ?? null;
    const parts = split(token);
    this.empty.hidden = Boolean(parts);
    this.card.hidden = this.boxes.hidden = !parts;
    if (token === this.token) return;
    this.token = token;
    if (!parts) return this.forget();
    this.card.replaceChildren(...drawn(parts));
    this.read(token, parts);
  }

  /** On a new stage, forget the token of the old one. */
  forget() {
    this.base = this.newest = null;
    this.edit.value = "";
    say(this.status, "");
  }

  async read(token, parts) {
    let claims = null;
    try {
      claims = await decode(parts);
    } catch {
      say(this.json, "This payload is not JSON.");
    }
    if (token !== this.token || !claims) return;
    this.newest = { token, claims, text: JSON.stringify(claims, null, 2) };
    say(this.json, this.newest.text);
    say(this.signed, `The newest was signed at ${signedAt(parts).toLocaleTimeString()}.`);
    if (!this.base || this.edit.value === this.base.text) this.begin();
    this.older.hidden = this.base === this.newest;
  }

  /** Copy the newest token again. */
  begin() {
    if (!this.newest) return;
    this.base = this.newest;
    this.edit.value = this.base.text;
    this.older.hidden = true;
  }

  enter() {
    return this.attempt(async () => {
      const { ops } = await act({ do: "login" });
      const { status, served_by } = await exchangeOf(ops.stateless);
      if (status !== 200) throw new Error(`The stateless desk gave no token: ${status || "no answer"}${served_by ? ` from ${served_by}` : ""}. Try again, or bring the server back.`);
    });
  }

  restore() {
    this.begin();
    say(this.status, "");
  }

  forge() {
    if (!this.base) return null; // not decoded yet
    const claims = structuredClone(this.base.claims);
    const { lines } = claims.session;
    lines[Object.keys(lines)[0] ?? "laptop"] = 99; // an empty cart gets laptops
    this.edit.value = JSON.stringify(claims, null, 2);
    return this.verify();
  }

  verify() {
    if (!this.base) return null;
    return this.attempt(async () => {
      const { token, claims } = this.base;
      const wanted = read(this.edit.value);
      const same = JSON.stringify(wanted) === JSON.stringify(claims);
      say(this.status, "… sent to the desk");
      const { ops } = await act({ do: "verify", token: same ? token : await forged(split(token), wanted), desks: ["stateless"] });
      say(this.status, verdict(await exchangeOf(ops.stateless), same));
    });
  }

  /** Run it, and show a refusal. */
  async attempt(action) {
    say(this.refusal, "");
    try {
      await action();
    } catch (error) {
      say(this.token ? this.status : this.refusal, `✕ ${error.message}`);
    }
  }
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON, so it was not sent: ${error.message}`);
  }
}

/** The exchange, as soon as its event arrives. */
async function exchangeOf(op) {
  const answer = () => state.scene.exchanges.get(op);
  await until(answer);
  return answer();
}

function verdict({ status, error, response, served_by }, same) {
  const what = same ? "Unchanged" : "Changed";
  const detail = response?.body?.detail;
  if (status === 200) return `✓ ${what}, and ${served_by ? `server ${served_by}` : "the desk"} accepts it: 200.`;
  if (!status || status >= 500) return `? ${what}, and no server could answer: ${status || error}. Send it again.`;
  return `✕ ${what}, and the desk refuses it: ${status}${detail ? `, “${detail}”` : ""}`;
}

function box(title, sentence, ...content) {
  return h("section", { class: "box", "data-box": title.toLowerCase() }, h("h3", {}, title), " ", h("p", { class: "soft" }, sentence), content);
}

/** Shortened, and at a click as it is. */
function drawn(parts) {
  const whole = Object.values(parts).join(".");
  const shown = h("code", { class: "whole", tabindex: -1 }, whole);
  const toggle = ({ currentTarget }) => { currentTarget.replaceWith(shown); shown.focus(); };
  return [...partsOf(parts), " ", h("button", { type: "button", class: "small show-whole", onclick: toggle }, `Show all ${whole.length} characters`)];
}

function partsOf(parts) {
  return Object.entries(parts).flatMap(([name, text], index) => [
    index > 0 && h("b", { class: "dot-between" }, " . "),
    h("span", { class: `token-part ${name}` }, h("b", {}, name), " ", h("code", {}, shortened(text)), text.length > 12 && h("small", {}, ` ${text.length} characters`)),
  ]).filter(Boolean);
}

customElements.define("lab-token", LabToken);
