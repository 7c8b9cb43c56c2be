/**
 * <lab-stage>: both lanes, drawn from the scene alone; whatever moves has happened.
 *
 * A change of state shows in the next frame, without waiting for moving dots.
 */

import { nameOf } from "./chosen.js";
import { h, say } from "./dom.js";
import { Flight } from "./flight.js";
import { Lane } from "./lane.js";
import { Menu, offerOf } from "./menu.js";
import { set, shown, state, subscribe, onEvent } from "./state.js";
import { showPanel } from "./tabs.js";
import { DESKS } from "./words.js";

class LabStage extends HTMLElement {
  connectedCallback() {
    if (this.lanes) return; // moved within the page, and built already
    this.refusal = h("p", { class: "refusal", role: "alert" });
    this.lanes = {};
    this.flights = {};
    for (const desk of DESKS) {
      const lane = new Lane(desk, (place, button) => this.offer(place, desk, button), choose);
      this.lanes[desk] = lane;
      this.flights[desk] = new Flight(lane.layer, lane.places);
    }
    this.append(h("div", { class: "lanes" }, DESKS.map((desk) => this.lanes[desk].node)), this.refusal);
    this.menu = new Menu(this, (text) => say(this.refusal, text && `! ${text}`));
    subscribe((now) => this.draw(now));
    onEvent((event) => this.happen(event));
  }

  offer(place, desk, button) {
    const view = { scene: shown(), instructor: state.instructor, recording: state.recording };
    if (view.scene.stack) this.menu.open(button, offerOf(place, desk, view));
  }

  draw(now) {
    const scene = shown(now);
    const source = nameOf(now.recording);
    const another = this.source !== source;
    this.source = source;
    for (const desk of DESKS) {
      if (another) this.flights[desk].clear();
      const fallen = this.lanes[desk].draw({ ...now, scene });
      if (!this.news) continue; // do not animate history
      for (const customer of fallen) this.flights[desk].drop(home(customer), customer.goods);
    }
    this.news = false;
  }

  happen(event) {
    this.news = true;
    const flight = this.flights[event.desk];
    if (event.kind === "request") flight?.launch(event, shown().exchanges.get(event.op));
    if (event.kind === "exchange") flight?.answered(event);
    if (event.kind === "stage") for (const desk of DESKS) this.flights[desk].clear();
  }
}

/** Select a request, to show it under Evidence. */
function choose(op) {
  set({ selected: op });
  showPanel("panel-evidence");
}

function home({ place, server }) {
  return place === "server" ? `server:${server}` : "store";
}

customElements.define("lab-stage", LabStage);
