/**
 * One lane of the stage: a desk's customers, balancer, servers and store, from top to bottom.
 *
 * Built once; each draw changes only what has changed, so the focus stays where it is.
 */

import { keyOf } from "./arrivals.js";
import { cartsOf, cast, goodsOf, tally } from "./carts.js";
import { $, h, mark, refill, say } from "./dom.js";
import { carried, customer as drawnCustomer, door, masked } from "./figures.js";
import { findingOf } from "./finding.js";
import { act, steps, STILL, tempo, title } from "./flight.js";
import { rowsAt } from "./load.js";
import { isCached, keptBy, lookOf, resultOf } from "./looks.js";
import { Places } from "./places.js";
import { sessionsAt } from "./scene.js";
import { bars, endOf, ServerBox } from "./server-box.js";
import { CHANGE_WORDS, SESSION_CODE, SETTINGS, STATE_SIGNS, UNANSWERED } from "./words.js";

const DESK_NAMES = { stateful: ["Stateful desk", "the server remembers"], stateless: ["Stateless desk", "the customer carries it"] };
const STORED = /^(redis|file)/;
const USUAL = new Set(["round robin", "retries off", "cache off", "nothing runs here"]);
const PLURALS = { retry: "retries", cache: "cache" };
const COPIED = { view: "GET /api/cart", checkout: "POST /api/checkout" };
const RECENT = 2; // more do not fit beside each other
const LOOK_MS = 1200; // how long it shows what a server found, at the usual speed
const COPY_MS = 900;
const NAME_CHARS = 12;

export class Lane {
  /** `open(place, button)` is called for a click on a part, `select(op)` for one on a request. */
  constructor(desk, open, select) {
    Object.assign(this, { desk, kind: desk, open, select, servers: new Map(), entries: new Map(), ids: new Map(), gone: new Set() });
    this.build();
    this.places = new Places(this.node, this.layer);
  }

  build() {
    [this.name, this.hint, this.others, this.numbers] = [h("h2"), box("hint"), box("others"), h("p", { class: "numbers" })];
    this.customers = div("customers", { "data-place": "customer" });
    this.cache = box("cache-box");
    this.logged = box("log-line");
    this.balancer = div("balancer", { "data-place": "balancer" }, this.opener("balancer", "Balancer"), this.cache, this.logged, box("settings"));
    this.door = door();
    this.row = div("servers", {}, this.door);
    this.store = div("store", { "data-place": "store" }, this.opener("store", "Store"), box("store-says"), box("sessions"), div("carts"));
    this.steps = h("ol", { class: "steps", "aria-label": "The way of the last request" });
    this.recent = h("ol", { class: "recent", "aria-label": `The last requests at the ${this.desk} desk` });
    this.layer = div("flight", { "aria-hidden": "true" });
    this.layer.addEventListener("click", ({ target }) => {
      const op = target.closest("[data-op]")?.dataset.op;
      if (op) this.select(op);
    });
    this.node = h("section", { class: "lane", "data-desk": this.desk, "aria-label": DESK_NAMES[this.desk][0] },
      div("title", {}, this.name, this.hint, this.others, this.numbers),
      this.customers, this.balancer, this.row, this.store, this.steps, this.source(), this.recent, this.layer);
  }

  /** The lines by which this desk finds a customer's state; the one where it ended is lit. */
  source() {
    const { file, lines } = SESSION_CODE[this.desk];
    this.code = lines.map((line) => h("span", { class: "code-line" }, line.split(/(?<=[.(])/).map((part) => [part, h("wbr")]), "\n"));
    return h("figure", { class: "session-code" }, h("figcaption", { title: file }, h("code", {}, "current_session()"), ": the line where it ended is lit"), h("pre", {}, this.code));
  }

  opener(place, ...content) {
    const onclick = ({ currentTarget }) => this.open(place, currentTarget);
    return h("button", { type: "button", class: "opener", "aria-haspopup": "menu", "aria-expanded": "false", onclick }, ...content);
  }

  /** Show `now`: {scene, view, own, selected, recording, plot, numbers, loads, soFar, people, away: who has gone}. Returns the carts that have fallen since. */
  draw({ scene, view, own, selected, recording, plot, numbers, loads, soFar, people, away }) {
    const { stack } = scene;
    if (!scene.id) this.rest(true); // nothing has happened there
    const settings = stack?.settings?.[this.desk];
    const customers = cartsOf(scene, this.desk);
    const mine = recording ? ["c1"] : own.map(({ who }) => who);
    const { named, others } = cast(customers, mine);
    if (people !== this.people) this.places.moved();
    Object.assign(this, { people, present: view.present });
    this.drawTitle(settings, others, recording, numbers?.[this.desk] ?? [], soFar);
    for (const { who, name, credential, goods } of customers.values()) if (credential) this.ids.set(who, [this.carries() === "name" ? brief(name) : credential.text, goods]);
    this.thief = plot?.thief ?? "";
    this.loot = plot && this.lootOf(scene, plot);
    this.drawCustomers(named.length ? named : [{ who: "", name: own[0]?.name ?? "No customer yet" }], settings?.affinity === "cookie", away);
    this.drawBalancer(settings, scene);
    const fill = (node, here) => this.fill(node, named, others, here, away);
    this.drawServers(stack?.desks?.[this.desk] ?? [], scene.faults, fill, loads?.[this.desk]);
    this.drawStore(stack, settings, fill);
    this.drawRecent(scene, selected);
    return this.fallen(customers);
  }

  /** A recording may have any two lanes side by side: what each keeps says which kind of desk it is. */
  drawTitle(settings, others, recording, numbers, soFar) {
    this.kind = settings ? { token: "stateless" }[settings.store] ?? "stateful" : this.desk;
    const recorded = recording?.[this.desk === "stateful" ? "left" : "right"]?.name;
    const changed = Object.keys(settings?.changed ?? {}).filter((name) => this.kind === "stateless" || name === "prices").map((name) => CHANGE_WORDS[name]);
    say(this.name, DESK_NAMES[this.kind][0]);
    say(this.hint, recorded ? `recorded: ${recorded}` : changed.join(", ") || (this.kind === "stateful" && STORED.test(settings?.store) ? "the store remembers" : DESK_NAMES[this.kind][1]));
    say(this.others, this.kind === "stateless" || !others.length ? tally(others) : `+ ${others.length} more`);
    refill(this.numbers, JSON.stringify([numbers, soFar]), () => [
      ...(soFar && numbers.length ? [box("hint", {}, "so far:")] : []),
      ...numbers.map(({ number, unit, harm }) => box("tally", { "data-harm": harm }, harm && "✕ ", h("b", {}, number), ` ${unit}`))]);
  }

  /** What the thief, or you, hold at this desk: {name, thief, what, text, id, goods}. */
  lootOf({ exchanges }, { name, thief, copies, forges }) {
    const [what, noun] = [this.carries(), thief ? "copy" : "record"];
    if (forges) return { name, thief, ...(this.kind === "stateless" ? { what: "key", text: "has the signing key" } : { what, text: `a made-up ${what === "name" ? what : "number"}` }) };
    const copied = [...exchanges.values()].find((each) => each.desk === this.desk && !each.aside && !each.underway && `${each.method} ${each.path}` === COPIED[copies]);
    return copied ? { name, thief, what, text: thief ? "a copy" : "the record", id: this.ids.get(copied.who)?.[0], goods: goodsOf(copied.response?.body?.cart ?? copied.response?.body?.order) } : { name, thief, text: `no ${noun} yet` };
  }

  /** What a customer brings along: to people who remember, nothing but a name. */
  carries() {
    return this.kind === "stateful" ? (this.people ? "name" : "ticket") : this.people ? "form" : "parcel";
  }

  drawCustomers(named, sticky, away) {
    const { loot } = this;
    const shown = named.map(({ who, name, credential, left, owed, place, strange, sticks, ...cart }) =>
      [who, name, credential, owed && place === "hand" ? cart : null, Boolean(left), strange, sticky && sticks, away.includes(who)]);
    const copies = this.looted === false && Boolean(loot?.id); // this moment, and not as history
    this.looted = loot && Boolean(loot.id);
    refill(this.customers, JSON.stringify([shown, loot, this.people]), () => {
      this.places.moved();
      return [
        ...shown.map(([who, name, credential, cart, left, strange, sticks, gone]) =>
          div("customer", { "data-who": who, "data-place": who && `customer:${who}`, "data-away": gone }, drawnCustomer(), box("name", {}, name), sticks && box("sticks", {}, `cookie: ${sticks}`), gone ? box("card none", {}, "gone", !this.people && box("along", {}, `with the ${this.carries()}`)) : this.card(credential, cart, left),
            strange && box("cart", { "data-fate": "lost" }, box("fate", {}, `✕ got ${strange}`)))),
        ...(loot ? [div(`customer copier ${loot.thief || "you"}`, { "data-place": "copier" }, loot.thief ? masked() : drawnCustomer(), box("name", {}, loot.name),
          box("card", {}, loot.what && carried(loot.what, loot.id, loot.goods), loot.text))] : []),
      ];
    });
    if (copies) slide($(".copier .card", this.customers), $(".customer .card", this.customers));
  }

  /** Show for a moment what a server found for a request. */
  react(request, exchange) {
    const server = this.servers.get(request.served_by);
    const found = server && exchange && findingOf(this.kind, request, { ...exchange, customer: brief(exchange.customer) }, this.people, this.thief);
    for (const { server: asked, status } of request.tried ?? []) if (status && UNANSWERED.includes(Number(status))) this.servers.get(asked)?.keepSilent();
    mark(this.cache, "data-hit", Boolean(exchange && isCached(exchange)));
    if (!found) return this.lookAWhile();
    const ran = SESSION_CODE[this.desk][found.line];
    this.code.forEach((line, n) => mark(line, "data-ran", n === ran));
    const kind = this.kind === "stateless" ? "seal" : "drawer";
    server.look(kind, found);
    mark(this.store, "data-looks", kind);
    this.lookAWhile();
  }

  /** Resolves when a representative is out of the door. */
  leave(name) {
    return this.servers.get(name)?.leave(this.door);
  }

  /** As long as a pause lasts, and a while. */
  lookAWhile() {
    clearTimeout(this.looking);
    this.looking = setTimeout(() => (tempo.paused ? this.lookAWhile() : this.rest()), LOOK_MS / tempo.speed);
  }

  /** No server looks any more; `anew`: another request sets out, for which no code has run yet. */
  rest(anew = false) {
    for (const server of this.servers.values()) server.look(null);
    mark(this.store, "data-looks", null);
    mark(this.cache, "data-hit", null);
    if (anew) for (const line of this.code) mark(line, "data-ran", null);
  }

  /** What the customer holds: a ticket; or a parcel, with the cart inside. */
  card(credential, cart, left) {
    const what = this.carries();
    if (what === "name") return null;
    if (!credential) return box("card none", {}, `no ${what} ${left ? "any more" : "yet"}`);
    return box(`card${cart ? " full" : ""}`, {},
      box("credential", {}, carried(what, credential.text, cart?.goods), box("word", {}, `${what} `), h("code", {}, credential.text)), cart && chip(cart));
  }

  drawBalancer(settings, scene) {
    const affinity = settings?.affinity === "cookie" ? "affinity by cookie" : "round robin";
    const shown = ["retry", "cache"].filter((setting) => settings?.[setting]); // a recording may not know
    const words = settings ? [affinity, ...shown.map((setting) => `${PLURALS[setting]} ${SETTINGS[setting].values[settings[setting]] ?? settings[setting]}`)] : ["nothing runs here"];
    mark(this.balancer.firstChild, "disabled", !settings);
    refill(this.balancer.lastChild, words.join(), () =>
      words.map((word) => box(`setting${USUAL.has(word) ? "" : " turned"}`, {}, word)));
    this.drawLog(scene.requests.findLast(({ desk, query }) => desk === this.desk && query));
    const keeps = settings?.cache && settings.cache !== "off" ? keptBy(scene, this.desk, settings.cache) : null;
    refill(this.cache, JSON.stringify(keeps), () => (keeps ? [box("", {}, "Cache keeps: "), h("b", {}, keeps.join(", ") || "nothing yet")] : []));
  }

  /** What a token in an address leaves behind: the balancer's line about it. */
  drawLog(request) {
    refill(this.logged, request ? keyOf(request) : "", () => {
      if (!request) return [];
      const { method, path, query, status } = request;
      const [token, rest] = query.split("&");
      return [box("hint", {}, "in nginx's log: "), h("code", {}, `"${method} /${this.desk}${path}?`, h("mark", {}, token), `&${rest}" ${status}`)];
    });
  }

  drawServers(servers, faults, fill, load) {
    const names = new Set(servers.map(({ name }) => name));
    for (const [name, { node }] of this.servers) {
      if (names.has(name)) continue;
      node.remove();
      this.servers.delete(name);
      this.places.moved();
    }
    for (const server of servers) {
      const { name, state } = server;
      const box = this.servers.get(name) ?? this.addServer(name);
      box.draw(server, state === "dead" && endOf(faults, this.desk, name), load && rowsAt(load, name), this.people);
      const here = (cart) => cart.place === "server" && cart.server === name;
      const before = (cart) => here(cart) && cart.gone && state !== "dead"; // another process has come
      fill(box.carts, (cart) => here(cart) && !before(cart));
      fill(box.before, before);
    }
    mark(this.row, "data-count", servers.length);
    mark(this.row, "data-many", servers.length > 3);
  }

  addServer(name) {
    const added = new ServerBox(this.desk, name, this.opener(`server:${name}`, h("b", {}, name), " ", box("state")));
    const after = [...this.servers.keys()].sort().find((each) => each > name);
    this.row.insertBefore(added.node, this.servers.get(after)?.node ?? this.door);
    this.servers.set(name, added);
    this.places.watch(added.node);
    this.places.moved();
    return added;
  }

  /** The store, where servers share one; a cart in the memory of a server stands in its box. */
  drawStore(stack, settings, fill) {
    const [, says, sessions, carts] = this.store.children;
    const store = stack?.store;
    const none = this.kind === "stateless" && Boolean(store); // beside a desk that has one
    const known = none || store?.sessions != null;
    const kind = (settings?.store ?? "").split(":")[0];
    mark(this.store, "data-store", kind);
    mark(this.store, "data-none", none);
    mark(this.store, "data-state", kind === "redis" && store?.state);
    const state = store?.state === "external" ? `${STATE_SIGNS.external} elsewhere` : `${STATE_SIGNS[store?.state] ?? ""} ${store?.state ?? ""}`;
    const count = known ? sessionsAt(stack, this.desk) : 0;
    refill(sessions, `${known} ${count}`, () => (known ? [bars({ served: count }, `${count} session${count === 1 ? "" : "s"} kept`)] : []));
    say(says, none ? "no store" : kind === "file" ? "files on disk, for all servers" : `${store?.program ?? kind} ${state}${store?.pid ? ` · pid ${store.pid}` : ""}`);
    // A cart whose server has been taken away altogether is shown here, as gone.
    fill(carts, ({ place, server }) => place === "store" || (place === "server" && !this.servers.has(server)));
  }

  /** The carts of a place: those of the named in full, the others as a count. */
  fill(node, named, others, test, away) {
    const here = (customer) => customer.owed && test(customer);
    const mine = named.filter(here).map((each) => (each.word || !away.includes(each.who) ? each : { ...each, word: "left behind" }));
    const rest = tally(others.filter(here));
    const short = this.people || (this.present && !node.matches(".before")); // before another process, A is still there
    const key = JSON.stringify([mine.map(({ name, goods, sign, word, cause }) => [name, goods, sign, word, cause]), named.length, rest, short]);
    refill(node, key, () => [
      ...mine.map((customer) => chip(short && customer.place === "server" && customer.gone && customer.word === customer.gone ? { ...customer, word: `gone with ${customer.server}` } : customer, named.length > 1 && `${brief(customer.name)}: `)),
      ...(rest ? [box("others", {}, rest)] : []),
    ]);
  }

  drawRecent({ requests, exchanges }, selected) {
    const last = requests.filter(({ desk }) => desk === this.desk).slice(-RECENT);
    const keys = new Set(last.map(keyOf));
    for (const [key, node] of this.entries) {
      if (keys.has(key)) continue;
      node.remove();
      this.entries.delete(key);
    }
    for (const event of last) this.drawEntry(event, exchanges.get(event.op), selected);
    const newest = last.at(-1);
    const said = newest ? steps(newest, exchanges.get(newest.op), this.thief) : [];
    refill(this.steps, said.join() + keys.size, () => said.map((step, n) => h("li", {}, h("b", {}, `${n + 1} `), step)));
  }

  drawEntry(event, exchange, selected) {
    const key = keyOf(event);
    if (!this.entries.has(key)) {
      this.entries.set(key, h("li", {}, h("button", { type: "button", "data-op": key, onclick: () => this.select(key) })));
      this.recent.prepend(this.entries.get(key));
    }
    const button = this.entries.get(key).firstChild;
    const [look, , word] = lookOf(event, exchange, this.thief);
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

/** A copy comes from what it was copied of. */
function slide(copy, original) {
  if (STILL.matches || !original?.checkVisibility()) return;
  const [to, from] = [copy, original].map((node) => node.getBoundingClientRect());
  act(copy, [{ transform: `translate(${from.left - to.left}px, ${from.top - to.top}px)`, easing: "ease-in-out" }, {}], COPY_MS);
}

/** A long name in few characters, never through the middle of one. */
function brief(name) {
  const letters = [...new Intl.Segmenter().segment(name)].map(({ segment }) => segment);
  return letters.length > NAME_CHARS ? `${letters.slice(0, NAME_CHARS - 1).join("")}…` : name;
}
