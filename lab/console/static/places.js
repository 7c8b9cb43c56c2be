/** The positions of a lane's parts, measured once for each change of layout, and the wires between. */

import { svg } from "./dom.js";

export class Places {
  /** `layer` covers the lane; its corner is the origin of all positions. */
  constructor(lane, layer) {
    Object.assign(this, { lane, layer, points: null, due: 0 });
    this.wires = svg("svg", { class: "wires", "aria-hidden": "true" });
    this.resized = () => {}; // called after a change of layout, before it is painted
    this.observer = new ResizeObserver(() => {
      this.moved();
      this.resized();
    });
    lane.prepend(this.wires);
    for (const node of [lane, ...lane.querySelectorAll("[data-place]")]) this.watch(node);
  }

  watch(node) {
    this.observer.observe(node);
  }

  /** Discard the measured positions. */
  moved() {
    this.points = null;
    this.due ||= requestAnimationFrame(() => {
      this.due = 0;
      this.draw();
    });
  }

  /** {x, y (the lower edge of a label there), top, bottom, drawer (the lower edge of its carts)} of what is drawn of "customer", "customer:c1", "copier", "balancer", "server:B", "store"; undefined if it is not there. */
  of = (place) => {
    this.points ??= this.measure();
    return this.points.get(place);
  };

  measure() {
    const own = this.layer.getBoundingClientRect();
    const customers = this.lane.querySelector(".customers").getBoundingClientRect();
    const peopled = this.lane.closest("[data-people]"); // who stand above the customers
    this.em = parseFloat(getComputedStyle(this.lane).fontSize);
    const counter = this.lane.querySelector(".servers").getBoundingClientRect().top - own.top - 1; // the free way above the servers
    const beside = peopled ? customers.top - own.top - 2 : customers.bottom - own.top + 18; // no label covers a customer
    [this.width, this.depth] = [own.width, own.height];
    return new Map([...this.lane.querySelectorAll("[data-place]")].filter((node) => node.checkVisibility()).map((node) => {
      const { place } = node.dataset;
      const at = node.getBoundingClientRect();
      const [top, bottom] = [at.top - own.top, at.bottom - own.top];
      const y = { customer: beside, copier: beside, balancer: peopled ? (top + bottom) / 2 + 12 : counter, server: peopled ? bottom + 2.2 * this.em : top - 1, store: top - 1 }[place.split(":")[0]];
      const drawer = node.querySelector(".drawer, .carts")?.getBoundingClientRect();
      return [place, { x: at.left - own.left + at.width / 2, y, top, bottom, drawer: (drawer?.height ? drawer : at).bottom - own.top }];
    }));
  }

  draw() {
    const [customer, balancer, store] = ["customer", "balancer", "store"].map(this.of);
    if (!balancer) return this.wires.replaceChildren();
    const each = [...this.points].filter(([place]) => place === "copier" || place.startsWith("customer:")).map(([, at]) => at);
    const lines = (each.length ? each : [customer]).map((at) => [at, balancer, "wire"]);
    for (const [place, server] of this.points) {
      if (!place.startsWith("server:")) continue;
      lines.push([balancer, server, "wire"]);
      lines.push([server, { ...store, x: server.x }, "wire to-store"]); // shown if there is a shared store
    }
    this.wires.replaceChildren(...lines.map(([from, to, kind]) =>
      svg("line", { x1: from.x, y1: from.bottom, x2: to.x, y2: to.top, class: kind })));
  }
}
