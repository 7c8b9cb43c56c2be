/** Draws what a box holds smaller, step by step, until none of it is cut off. */

const MOST_STEPS = 12;
const STEP = 0.95; // of the size before

export class Fit {
  /**
   * `content` stands in `box`, whose style sheet takes --fit into account, and leaves out what
   * is least needed where there is data-tight. Nothing gets larger again by itself, so that no
   * size goes back and forth.
   */
  constructor(box, content) {
    Object.assign(this, { box, content, step: 0, due: 0 });
    new ResizeObserver(() => this.soon()).observe(content);
    new ResizeObserver(() => this.again()).observe(box);
  }

  /** Begin at the usual size: something else is shown, or the box has another size. */
  again() {
    this.anew = true;
    this.soon();
  }

  soon() {
    this.due ||= requestAnimationFrame(() => {
      this.due = 0;
      this.tighten();
    });
  }

  tighten() {
    const { box } = this;
    if (this.anew) this.take(0);
    this.anew = false;
    while (this.step < MOST_STEPS && box.scrollHeight > box.clientHeight) this.take(this.step + 1);
  }

  take(step) {
    if (step === this.step) return;
    this.step = step;
    this.box.toggleAttribute("data-tight", step > 0);
    this.box.style.setProperty("--fit", STEP ** step);
  }
}
