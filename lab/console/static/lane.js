/**
 * One lane of the stage: a desk's customers, balancer, servers and store, from top to bottom.
 *
 * Built once; each draw changes only what has changed, so the focus stays where it is.
 */

import { cartsOf, cast, tally } from "./carts.js";
import { h, mark, refill, say, svg } from "./dom.js";
import { keyOf } from "./arrivals.js";
import { clerk, masked } from "./figures.js";
import { steps, title } from "./flight.js";
import { findingOf } from "./finding.js";
import { lookOf, resultOf, thiefOf } from "./looks.js";
import { Places } from "./places.js";
import { FAULTS, SESSION_CODE, STATE_SIGNS } from "./words.js";

const STATES = Object.fromEntries(Object.entries(STATE_SIGNS).map(([state, sign]) => [state, `${sign} ${state}`]));
const STORE_STATES = { ...STATES, external: `${STATE_SIGNS.external} elsewhere` };
const STORES = {
  "": "", token: "Store: nothing here", memory: "each server’s own memory", file: "files on disk, for all servers",
};
const NAMES = {
  stateful: ["Stateful desk", "the server remembers", "no session id"],
  stateless: ["Stateless desk", "the customer carries it", "no token"],
};
const USUAL = new Set(["round robin", "retries off", "cache off", "nothing runs here"]);
const PLURALS = { retry: "retries", cache: "cache" };
const RECENT = 3;
const LOOK_MS = 1200; // how long it shows what a server found, at the usual speed
const NAME_CHARS = 12;

export class Lane {
  /** `open(place, button)` is called for a click on a part, `select(op)` for one on a request. */
  constructor(desk, open, select) {
    Object.assign(this, { desk, open, select, servers: new Map(), entries: new Map(), ids: new Map(), gone: new Set() });
    this.build();
    this.places = new Places(this.node, this.layer);
  }

  build() {
    this.name = h("h2");
    this.hint = box("hint");
    this.others = box("others");
    this.customers = div("customers", { "data-place": "customer" });
    this.balancer = div("balancer", { "data-place": "balancer" }, this.opener("balancer", "Balancer"), box("settings"));
    this.row = div("servers");
    this.store = div("store", { "data-place": "store" }, this.opener("store", "Store"), box("store-says"), div("carts"));
    this.steps = h("ol", { class: "steps", "aria-label": "The way of the last request" });
    this.recent = h("ol", { class: "recent", "aria-label": `The last requests at the ${this.desk} desk` });
    this.layer = div("flight", { "aria-hidden": "true" });
    this.layer.addEventListener("click", ({ target }) => {
      const op = target.closest("[data-op]")?.dataset.op;
      if (op) this.select(op);
    });
    this.node = h("section", { class: "lane", "data-desk": this.desk, "aria-label": NAMES[this.desk][0] },
      div("title", {}, this.name, this.hint, this.others),
      this.customers, this.balancer, this.row, this.store, this.steps, this.source(), this.recent, this.layer);
  }

  /** The lines by which this desk finds a customer's state; the one that ran is lit. */
  source() {
    const { file, lines } = SESSION_CODE[this.desk];
    this.code = lines.map((line) => h("span", { class: "code-line" }, `${line}\n`));
    return h("pre", { class: "session-code", "aria-label": `current_session() in ${file}` }, this.code);
  }

  opener(place, ...content) {
    const onclick = ({ currentTarget }) => this.open(place, currentTarget);
    return h("button", { type: "button", class: "opener", "aria-haspopup": "menu", "aria-expanded": "false", onclick }, ...content);
  }

  /** Show `view`: {scene, me, second, selected, recording}. Returns the carts that have fallen since. */
  draw({ scene, me, second, selected, recording, plan, view }) {
    const { stack } = scene;
    const settings = stack?.knobs?.[this.desk];
    const customers = cartsOf(scene, this.desk);
    const mine = recording ? ["c1"] : [me?.who, second?.who].filter(Boolean);
    for (const { who, credential } of customers.values()) if (credential) this.ids.set(who, credential.text);
    const { named, others } = cast(customers, mine);
    this.drawTitle(settings, others, recording);
    const thief = thiefOf({ recording, plan, view });
    const copied = thief && [...scene.exchanges.values()].some((each) => each.aside && each.desk === this.desk);
    this.drawCustomers(named.length ? named : [{ who: "", name: me?.name ?? "No customer yet" }], thief && `${thief}${copied ? ": a copy" : ""}`);
    this.drawBalancer(settings);
    const fill = (node, here) => this.fill(node, named, others, here);
    this.drawServers(stack?.desks?.[this.desk] ?? [], scene.faults, fill);
    this.drawStore(stack?.store, settings, fill);
    this.drawRecent(scene, selected, thief);
    return this.fallen(customers);
  }

  /** A recording may have any two lanes side by side: what each keeps says which kind of desk it is. */
  drawTitle(settings, others, recording) {
    this.kind = settings ? { token: "stateless" }[settings.store] ?? "stateful" : this.desk;
    const recorded = recording?.[this.desk === "stateful" ? "left" : "right"]?.name;
    say(this.name, NAMES[this.kind][0]);
    say(this.hint, recorded ? `recorded: ${recorded}` : NAMES[this.kind][1]);
    say(this.others, this.kind === "stateless" || !others.length ? tally(others) : `+ ${others.length} more`);
  }

  drawCustomers(named, thief) {
    const shown = named.map(({ who, name, credential, left, owed, place, ...cart }) =>
      [who, name, credential, owed && place === "hand" ? cart : null, Boolean(left)]);
    refill(this.customers, JSON.stringify([shown, thief]), () => {
      this.places.moved();
      return [
        ...shown.map(([who, name, credential, cart, left]) =>
          div("customer", { "data-who": who }, person(), box("name", {}, name), this.card(credential, cart, left))),
        ...(thief ? [div("customer copier", { "data-place": "copier" }, masked(), box("name", {}, thief))] : []),
      ];
    });
  }

  /** Show for a moment what a server found for a request: "no drawer for John", "seal: good ✓". */
  react(request, exchange, speed) {
    const node = this.servers.get(request.served_by);
    const found = node && exchange && findingOf(this.kind, request, exchange);
    if (!found) return;
    const ran = SESSION_CODE[this.desk][found.line];
    this.code.forEach((line, n) => mark(line, "data-ran", n === ran));
    const looks = node.lastChild;
    say(looks, found.words);
    mark(looks, "data-found", found.good);
    mark(node, "data-looks", this.kind === "stateless" ? "seal" : "drawer");
    clearTimeout(this.looking);
    this.looking = setTimeout(() => this.rest(), LOOK_MS / speed);
  }

  /** No server looks any more; `anew`: another request sets out, for which no code has run yet. */
  rest(anew = false) {
    for (const node of this.servers.values()) mark(node, "data-looks", null);
    if (anew) for (const line of this.code) mark(line, "data-ran", null);
  }

  /** What the customer holds: a session id; or a token, with the cart inside. */
  card(credential, cart, left) {
    if (!credential) return box("card none", {}, `${NAMES[this.kind][2]} ${left ? "any more" : "yet"}`);
    return box(`card${cart ? " full" : ""}`, {},
      box("credential", {}, `${credential.kind} `, h("code", {}, credential.text)), cart && chip(cart));
  }

  drawBalancer(settings) {
    const affinity = settings?.affinity === "cookie" ? "sticky cookie" : "round robin";
    const shown = ["retry", "cache"].filter((setting) => settings?.[setting]); // a recording may not know
    const words = settings ? [affinity, ...shown.map((setting) => `${PLURALS[setting]} ${settings[setting]}`)] : ["nothing runs here"];
    mark(this.balancer.firstChild, "disabled", !settings);
    refill(this.balancer.lastChild, words.join(), () =>
      words.map((word) => box(`setting${USUAL.has(word) ? "" : " turned"}`, {}, word)));
  }

  drawServers(servers, faults, fill) {
    const names = new Set(servers.map(({ name }) => name));
    for (const [name, node] of this.servers) {
      if (names.has(name)) continue;
      node.remove();
      this.servers.delete(name);
      this.places.moved();
    }
    for (const server of servers) {
      const node = this.servers.get(server.name) ?? this.addServer(server.name);
      this.drawServer(node, server, server.state === "dead" && endOf(faults, this.desk, server.name), fill);
    }
    mark(this.row, "data-count", servers.length);
    mark(this.row, "data-many", servers.length > 3);
  }

  addServer(name) {
    const node = div("server", { "data-desk": this.desk, "data-server": name, "data-place": `server:${name}` },
      this.opener(`server:${name}`, h("b", {}, name), " ", box("state")), box("ids"), box("remembers"), div("carts"), clerk(name), box("looks", { "aria-hidden": "true" }));
    const after = [...this.servers.keys()].sort().find((each) => each > name);
    this.row.insertBefore(node, this.servers.get(after) ?? null);
    this.servers.set(name, node);
    this.places.watch(node);
    this.places.moved();
    return node;
  }

  drawServer(node, { name, state, pid, instance, carts_remembered: count }, end, fill) {
    const [opener, ids, remembers, carts] = node.children;
    const short = (instance ?? "").slice(0, 4); // another process has another one
    const known = pid ? [`pid ${pid}`, short && box("long", {}, ` · ${short}`)] : [short && `instance ${short}`];
    mark(node, "data-state", state);
    say(opener.lastChild, STATES[state] ?? state);
    refill(ids, `${state} ${pid} ${instance} ${end?.pid}`, () => (state === "dead" ? [ended(end)] : known));
    // A recording does not know how many; then nothing is said.
    refill(remembers, `${state} ${count}`, () =>
      (state === "dead" || count == null ? [] : [box("long", {}, "remembers "), `${count} ${count === 1 ? "cart" : "carts"}`]));
    fill(carts, ({ place, server }) => place === "server" && server === name);
  }

  drawStore(store, settings, fill) {
    const [opener, says, carts] = this.store.children;
    const kind = (settings?.store ?? "").split(":")[0];
    mark(opener, "hidden", kind === "" || kind === "token");
    mark(this.store, "data-store", kind);
    mark(this.store, "data-state", kind === "redis" && store?.state);
    const pid = store?.pid ? ` · pid ${store.pid}` : "";
    say(says, STORES[kind] ?? `${store?.program ?? kind} ${STORE_STATES[store?.state] ?? ""}${pid}`);
    // A cart whose server has been taken away altogether is shown here, as gone.
    fill(carts, ({ place, server }) => place === "store" || (place === "server" && !this.servers.has(server)));
  }

  /** The carts of a place: those of the named in full, the others as a count. */
  fill(node, named, others, test) {
    const here = (customer) => customer.owed && test(customer);
    const mine = named.filter(here);
    const rest = tally(others.filter(here));
    const key = JSON.stringify([mine.map(({ name, goods, sign, word, cause }) => [name, goods, sign, word, cause]), named.length, rest]);
    refill(node, key, () => [
      ...mine.map((customer) => chip(customer, named.length > 1 && `${brief(customer.name)}: `)),
      ...(rest ? [box("others", {}, rest)] : []),
    ]);
  }

  drawRecent({ requests, exchanges }, selected, thief) {
    const last = requests.filter(({ desk }) => desk === this.desk).slice(-RECENT);
    const keys = new Set(last.map(keyOf));
    for (const [key, node] of this.entries) {
      if (keys.has(key)) continue;
      node.remove();
      this.entries.delete(key);
    }
    for (const event of last) this.drawEntry(event, exchanges.get(event.op), selected, thief);
    const newest = last.at(-1);
    const said = newest ? steps(newest, exchanges.get(newest.op), thief) : [];
    refill(this.steps, said.join() + keys.size, () => said.map((step, n) => h("li", {}, h("b", {}, `${n + 1} `), step)));
  }

  drawEntry(event, exchange, selected, thief) {
    const key = keyOf(event);
    if (!this.entries.has(key)) {
      this.entries.set(key, h("li", {}, h("button", { type: "button", "data-op": key, onclick: () => this.select(key) })));
      this.recent.prepend(this.entries.get(key));
    }
    const button = this.entries.get(key).firstChild;
    const [look, , word] = lookOf(event, exchange, thief);
    const words = [title(event), event.served_by, resultOf(event, word), !event.who && "from elsewhere"];
    say(button, words.filter(Boolean).join(" "));
    mark(button, "class", look);
    mark(button, "aria-pressed", String(selected === key));
  }

  /** Carts that have gone with their process since the last draw: they are seen to fall. */
  fallen(customers) {
    const before = this.gone;
    const now = [...customers.values()].filter(({ owed, gone }) => owed && gone);
    this.gone = new Set(now.map(({ op }) => op));
    return now.filter(({ op }) => !before.has(op));
  }
}

/** The evidence of the kill that ended a server's last process; null where it ended otherwise. */
function endOf(faults, desk, name) {
  const last = faults.findLast((each) => each.desk === desk && each.target === name && (FAULTS[each.fault]?.ends_process || each.fault === "add"));
  return last?.fault === "kill" ? last.evidence : null;
}

/** The process that is no more, and how it ended. */
function ended(end) {
  return end?.pid ? h("span", {}, h("s", {}, `pid ${end.pid}`), end.signal && ` · ${end.signal}`) : "no process";
}

/** A span: it may stand in a button and in a line; the style sheet says how it is laid out. */
function box(name, attributes = {}, ...children) {
  return h("span", { class: name, ...attributes }, ...children);
}

function div(name, attributes = {}, ...children) {
  return h("div", { class: name, ...attributes }, ...children);
}

/** A cart: its goods, and its fate as line, sign and word. */
function chip({ goods, sign, word, fate, gone, cause }, whose = "") {
  return box("cart", { "data-fate": fate, "data-gone": Boolean(gone), "data-cause": cause },
    box("goods", {}, `${whose || ""}${goods}`), word && box("fate", {}, `${sign} ${word}`));
}

/** A long name in few characters, never through the middle of one. */
function brief(name) {
  const letters = [...new Intl.Segmenter().segment(name)].map(({ segment }) => segment);
  return letters.length > NAME_CHARS ? `${letters.slice(0, NAME_CHARS - 1).join("")}…` : name;
}

function person() {
  return svg("svg", { class: "person", viewBox: "0 0 20 20", "aria-hidden": "true" },
    svg("circle", { cx: 10, cy: 6, r: 4 }), svg("path", { d: "M2 19c0-9 16-9 16 0z" }));
}
