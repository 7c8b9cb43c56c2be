/**
 * <lab-shop>: manual shopping for this window's customer, at one desk or at both. It shows the carts
 * of each desk's last response; the page computes nothing itself.
 */

import { insteadOfStage } from "./back.js";
import { bar, button, signed } from "./card.js";
import { act, rename } from "./customer.js";
import { h, refill, say } from "./dom.js";
import { shown, state, subscribe } from "./state.js";
import { until } from "./steps.js";
import { DESKS } from "./words.js";

const MOST_SHOWN = 12;
const MOST_QUANTITY = 99;
const NOT_KNOWN = [401, 403]; // who asks

class LabShop extends HTMLElement {
  connectedCallback() {
    if (this.carts) return;
    this.products = null;
    this.refusal = h("p", { class: "trouble", role: "alert" });
    this.carts = h("div", { class: "baskets" });
    this.fetch = button("Show the catalogue", () => this.look(), { name: "fetch" });
    this.shelf = h("div", { class: "shelf" }, this.fetch);
    this.append(insteadOfStage(), this.refusal, h("div", { class: "shop at-stage" },
      h("div", {}, this.where(), this.doings(), this.person()), h("div", {}, this.carts), this.shelf));
    subscribe((now) => this.draw(now));
  }

  where() {
    const choice = (value, word, checked) => h("label", { class: "choice" },
      h("input", { type: "radio", name: "shop-desks", value, checked }), h("span", {}, word));
    this.desksAsked = h("fieldset", { class: "which" }, h("legend", { class: "unseen" }, "At which desk?"),
      choice("both", "At both desks", true), choice("stateful", "Stateful only"), choice("stateless", "Stateless only"));
    return this.desksAsked;
  }

  get desks() {
    const { value } = this.desksAsked.querySelector(":checked");
    return value === "both" ? DESKS : [value];
  }

  doings() {
    const verbs = { login: "Log in", view: "Look at the cart", clear: "Empty it", checkout: "Order", logout: "Log out" };
    return bar(Object.entries(verbs).map(([verb, word]) => button(word, () => this.order({ do: verb }), { name: verb })));
  }

  person() {
    this.named = h("p", { class: "note" });
    const field = (label, name, word, most, submit) => {
      const input = h("input", { name, maxlength: most, autocomplete: "off" });
      const send = () => submit(input);
      input.addEventListener("keydown", ({ key, isComposing }) => key === "Enter" && !isComposing && send());
      return h("p", { class: "bar field" }, h("label", {}, `${label} `, input), button(word, send, { name: `set-${name}` }));
    };
    return h("details", { class: "self" }, h("summary", {}, "Name and address"), this.named,
      field("Name", "name", "Come in under another name", 200, (input) => this.try(() => rename(input.value))),
      field("Ship to", "address", "Send the address", 500, (input) => this.order({ do: "ship", address: input.value })));
  }

  draw(now) {
    const { me } = now;
    const scene = shown(now);
    say(this.named, me ? `You are ${me.name}, user ${me.user_id}.` : "Coming in …");
    this.seen = DESKS.map((desk) => lastSeen(scene, desk, me?.who));
    const key = this.seen.map(({ answer, shown }) => `${answer?.op}/${shown?.op}`).join();
    refill(this.carts, key, () => [this.table()]);
  }

  table() {
    const totals = this.seen.map(({ cart, hidden }) => h("td", {}, cart ? price(cart.total_cents) : hidden ? `not shown (${hidden})` : "none"));
    return h("table", {}, h("caption", { class: "unseen" }, "The carts as each desk last answered"),
      h("thead", {},
        h("tr", {}, h("th", { scope: "col" }, "Cart"), DESKS.map((desk) => h("th", { scope: "col", "data-desk": desk }, desk))),
        h("tr", { class: "answers" }, h("th", { scope: "row" }, "Last answer"), this.seen.map(({ answer }) => h("td", {}, inWords(answer))))),
      h("tbody", {}, skusOf(this.seen).map(([sku, name]) => this.row(sku, name))),
      h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, "Total"), totals)));
  }

  row(sku, name) {
    const small = (sign, what, onclick) => signed(sign, `${what}: ${name}`, onclick);
    return h("tr", { "data-sku": sku },
      h("th", { scope: "row" }, h("span", {}, name), h("span", { class: "pm" },
        small("−", "One less", () => this.less(sku)), small("+", "One more", () => this.order({ do: "add", sku, quantity: 1 })),
        small("✕", "Take out", () => this.order({ do: "remove", sku })))),
      this.seen.map(({ cart }) => h("td", {}, cart ? `${quantityOf(cart, sku)}` : "–")));
  }

  /** One less than that desk has: the two desks may differ. */
  less(sku) {
    return this.try(() => Promise.all(this.desks.map((desk) => {
      const there = quantityOf(lastSeen(state.scene, desk, state.me?.who).before, sku);
      if (there > 1) return act({ do: "change", sku, quantity: Math.min(there - 1, MOST_QUANTITY), desks: [desk] });
      return act({ do: "remove", sku, desks: [desk] });
    })));
  }

  order(order) {
    return this.try(() => act({ ...order, desks: this.desks }));
  }

  async try(what) {
    say(this.refusal, "");
    try {
      return await what();
    } catch (error) {
      say(this.refusal, `✕ ${error.message}`);
      return null;
    }
  }

  /** Fetch the catalogue once, at one desk: it is the same at both. */
  look() {
    return this.try(async () => {
      const { ops } = await act({ do: "products", desks: ["stateless"] });
      const answer = () => state.scene.exchanges.get(ops.stateless);
      await until(answer);
      const { products } = answer().response.body ?? {};
      if (!products) throw new Error(`The shop answered ${answer().status ?? "nothing"} instead of its catalogue. Try again.`);
      this.products = products;
      this.stock();
    });
  }

  stock() {
    const list = h("ul", { class: "products" });
    const count = h("p", { class: "note", role: "status" });
    const fill = () => {
      const wanted = filter.value.trim().toLowerCase();
      const found = this.products.filter(({ name, sku }) => `${name} ${sku}`.toLowerCase().includes(wanted));
      list.replaceChildren(...found.slice(0, MOST_SHOWN).map((each) => this.product(each)));
      say(count, `${Math.min(MOST_SHOWN, found.length)} of ${found.length} products`);
    };
    const filter = h("input", { type: "search", name: "filter", autocomplete: "off", oninput: fill });
    this.shelf.replaceChildren(h("label", { class: "filter" }, "Find ", filter), count, list);
    fill();
    filter.focus();
  }

  product({ sku, name, unit_price_cents: cents }) {
    const add = h("button", { type: "button", class: "add", "aria-label": `Add: ${name}`, onclick: () => this.order({ do: "add", sku, quantity: 1 }) }, "Add");
    return h("li", { "data-sku": sku }, h("span", {}, name), h("span", { class: "price" }, price(cents)), add);
  }
}

/** {answer: this customer's newest exchange at that desk, shown: the newest with a cart, before: that cart, cart: the same, unless the desk has not shown it since, hidden: its status then}. */
function lastSeen({ exchanges }, desk, who) {
  const own = [...exchanges.values()].filter((each) => each.desk === desk && each.who === who && !each.underway);
  const answer = own.filter(({ path }) => !path.startsWith("/api/products")).at(-1);
  const gone = answer?.path === "/api/logout" && answer.status < 300;
  const shown = gone ? undefined : own.filter((each) => each.response?.body?.cart).at(-1);
  const before = shown?.response.body.cart;
  // Other refusals, such as of a quantity, are of the order: the desk still has the cart.
  const hidden = before && answer !== shown && (NOT_KNOWN.includes(answer.status) || !(answer.status < 500)) && (answer.status ?? "no answer");
  return { answer, shown, before, hidden, cart: hidden ? undefined : before };
}

function skusOf(seen) {
  const lines = seen.flatMap(({ cart }) => cart?.lines ?? []);
  return [...new Map(lines.map(({ sku, name }) => [sku, name ?? sku]))];
}

function quantityOf(cart, sku) {
  return cart?.lines.find((line) => line.sku === sku)?.quantity ?? 0;
}

function inWords(answer) {
  if (!answer) return "not asked yet";
  const { method, path, status, look } = answer;
  return `${look[1]} ${status ?? "no answer"} to ${method} ${path.replace("/api/", "")}`.trim();
}

function price(cents) {
  return (cents / 100).toLocaleString("en", { minimumFractionDigits: 2 });
}

customElements.define("lab-shop", LabShop);
