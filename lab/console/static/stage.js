/**
 * <lab-stage>: both lanes, drawn from the scene alone; whatever moves has happened.
 *
 * A fault shows in the next frame, and whatever was on its way arrives before it; people first
 * leave. What a request did shows when its dot passes the place that decided it.
 */

import { nameOf } from "./chosen.js";
import { h, mark, say } from "./dom.js";
import { keyOf } from "./arrivals.js";
import { Fit } from "./fit.js";
import { Flight, keepTempo } from "./flight.js";
import { Lane } from "./lane.js";
import { awayOf, isPeopled, plotOf, tallyOf } from "./scenes.js";
import { morph } from "./morph.js";
import { comeBack, mayBreak, onEvent, onFaults, ownCustomers, passTurn, set, settle, shown, state, subscribe } from "./state.js";
import { showPanel } from "./tabs.js";
import { DESKS } from "./words.js";

const LOG_MS = 600; // an exchange whose line of nginx's log does not come by then is there without a dot

export const NARROW = matchMedia("(max-width: 40rem)");

/** True if the code stands below servers: where there is room, until the reader says otherwise. */
export function isCoded(now) {
  return now.coded ?? !(isPeopled(now) || now.recording || NARROW.matches);
}

class LabStage extends HTMLElement {
  connectedCallback() {
    if (this.lanes) return; // moved within the page, and built already
    this.refusal = h("p", { class: "refusal", role: "alert" });
    this.lanes = {};
    this.flights = {};
    for (const desk of DESKS) {
      const lane = new Lane(desk, (place, button) => this.offer(place, desk, button), choose);
      this.lanes[desk] = lane;
      this.flights[desk] = new Flight(lane.layer, lane.places, {
        turned: (key) => this.turned(lane, key), back: comeBack, loot: () => [lane.loot.what, lane.loot.id, lane.loot.goods], plot: () => plotOf(state),
        idOf: (who) => lane.ids.get(who), carries: () => lane.carries(),
      });
    }
    const lanes = h("div", { class: "lanes" }, DESKS.map((desk) => this.lanes[desk].node));
    this.append(lanes, this.refusal);
    this.fit = new Fit(this, lanes);
    subscribe((now) => this.draw(now));
    onFaults(({ desk, target, fault, confirmed }) => this.people && fault === "kill" && confirmed !== false && Boolean(this.lanes[desk]?.servers.has(target)));
    onEvent((event) => this.happen(event));
    document.addEventListener("visibilitychange", () => document.hidden && settle());
  }

  async offer(place, desk, button) {
    const { Menu, offerOf } = await import("./menu.js");
    const view = { scene: shown(), mayBreak: mayBreak(state), has: state.has, recording: state.recording };
    if (!view.scene.stack) return;
    this.menu ??= new Menu(this, (text) => say(this.refusal, text && `! ${text}`));
    this.menu.open(button, offerOf(place, desk, view));
  }

  draw(now) {
    const scene = shown(now);
    const source = nameOf(now.recording);
    const another = this.source !== source;
    this.source = source;
    keepTempo(now.tempo);
    const people = isPeopled(now);
    const turned = this.redress(people, isCoded(now));
    const drawn = { own: ownCustomers(now), ...tallyOf(now, scene), plot: plotOf(now), people, away: awayOf(now) };
    for (const desk of DESKS) {
      if (another) this.flights[desk].clear();
      this.flights[desk].keep(now.shown.travelling);
      const fallen = this.lanes[desk].draw({ ...now, scene, ...drawn });
      if (!this.news) continue; // do not animate history
      for (const customer of fallen) this.flights[desk].drop(home(customer), customer.goods);
    }
    this.news = false;
    turned();
    this.keepSize(now, scene, people);
  }

  /** Draw people or servers, with the code or without; returns what moves the one into the other. */
  redress(people, coded) {
    const turns = ![undefined, people].includes(this.people);
    const turned = turns ? morph([...this.querySelectorAll(".server")]) : () => {};
    this.people = people;
    const main = this.closest("main");
    mark(main, "data-people", people);
    mark(main, "data-code", coded);
    return turned;
  }

  /** The usual size, as long as it fits, for whatever is shown anew. */
  keepSize({ view, coded }, { begun }, people) {
    const key = [view.step, view.present, coded, begun, people].join();
    if (key !== this.sized) this.fit.again();
    this.sized = key;
  }

  /** At its turn a request makes the server look: into its drawer, or at the seal. */
  turned(lane, key) {
    const { request, exchange } = state.shown.travelling.get(key) ?? {};
    if (request && !isUnderway(lane.desk, key)) lane.react(request, exchange);
    passTurn(key);
  }

  happen(event) {
    this.news = true;
    const flight = this.flights[event.desk];
    const key = keyOf(event);
    if (event.kind === "request") this.setOut(event, key);
    if (event.kind === "exchange") this.answered(event, key);
    if (event.kind === "stage") for (const desk of DESKS) this.flights[desk].clear();
    if (["stage", "fault", "setting"].includes(event.kind)) this.forget(event.desk);
    if (state.shown.travelling.get(key)?.fault) this.leave(event, key);
  }

  async leave({ desk, target }, key) {
    await this.lanes[desk].leave(target);
    this.news = true;
    comeBack(key);
  }

  /** What the last request has left at the desk is not this one's. */
  setOut(request, key) {
    const { exchange } = state.shown.travelling.get(key) ?? {};
    this.lanes[request.desk]?.rest(true);
    if (!this.flights[request.desk]?.launch(request, exchange)) this.land(request, exchange, key);
  }

  /** What a server found before something happened to it says nothing of it now. */
  forget(desk) {
    for (const [name, lane] of Object.entries(this.lanes)) if (!desk || name === desk) lane.rest(true);
  }

  /** Without a dot there is no turn. */
  land(request, exchange, key) {
    this.lanes[request.desk]?.react(request, exchange);
    comeBack(key);
  }

  answered(exchange, key) {
    const { desk } = exchange;
    this.flights[desk].answered(exchange);
    const waiting = () => state.shown.travelling.has(key) && !state.shown.travelling.get(key).request;
    if (!state.shown.travelling.has(key) && !isUnderway(desk)) this.lanes[desk].react(exchange, exchange); // its request is back already
    if (waiting()) setTimeout(() => waiting() && this.land(exchange, exchange, key), LOG_MS);
  }
}

/** Select a request, to show it under Evidence. */
function choose(op) {
  set({ selected: op });
  showPanel("panel-evidence");
}

/** True if a request at that desk, another than `key`, has yet to reach its turn. */
function isUnderway(desk, key) {
  return [...state.shown.travelling].some(([each, { desk: where, turned }]) => each !== key && where === desk && !turned);
}

function home({ place, server }) {
  return place === "server" ? `server:${server}` : "store";
}

customElements.define("lab-stage", LabStage);
