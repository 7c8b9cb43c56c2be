/**
 * The wall: the room on the instructor's page. It covers the page while the room has something to
 * do, and one key, → (a clicker's only one), leads through the class: join, ask, vote, talk, vote
 * again, show, run, and what came true.
 */

import { step } from "/lab/static/address.js";
import { notice } from "/lab/static/announce.js";
import { get, post } from "/lab/static/api.js";
import { toggleAct } from "/lab/static/acts.js";
import { $, h, mark, refill, say } from "/lab/static/dom.js";
import { borneOut } from "/lab/static/facts.js";
import { note, noteOf } from "/lab/static/notes.js";
import { findingsOf, isDecided, resultOf, sceneOf, scriptOf, tallyOf } from "/lab/static/scenes.js";
import { runScript } from "/lab/static/script.js";
import { set, shown, state, subscribe } from "/lab/static/state.js";
import { DESKS } from "/lab/static/words.js";
import { countsOf } from "./dots.js";
import { bars, deskDrawing, moveDots, ofChapter } from "./wall-parts.js";

const ASK_EVERY_MS = 500;
const FIELDS = "input, select, textarea, [contenteditable]";
const ONWARD = new Set(["ArrowRight", "PageDown"]);

class RoomWall extends HTMLElement {
  connectedCallback() {
    Object.assign(this, { room: null, joined: false, read: "", out: false, decided: "", asked: "", said: "", sending: false, typing: false });
    this.caption = h("h1", { class: "wall-caption", "aria-live": "polite" });
    this.body = h("div", { class: "wall-body" });
    this.numbers = h("dl", { class: "wall-numbers" });
    this.trouble = h("p", { class: "wall-trouble", role: "alert", hidden: true });
    this.bar = h("p", { class: "wall-bar" });
    this.append(this.caption, this.body, this.numbers, this.trouble, this.bar);
    addEventListener("keydown", (event) => this.key(event), true);
    subscribe(() => this.draw());
    this.look();
  }

  async look() {
    try {
      this.room = await get("/lab/room");
      set({ votes: this.room.state.vote ?? null }); // the speaker's window shows it
      this.fail("");
    } catch (error) {
      this.fail(error.message);
    }
    this.draw();
    setTimeout(() => this.look(), ASK_EVERY_MS);
  }

  get chapter() { return state.plan?.chapters[state.view.step - 1]; }
  get public() { return this.room?.state; }

  /** The vote on the chapter that is open, null if another one or nothing is asked. */
  get vote() {
    const vote = this.public?.vote;
    return vote && vote.chapter === this.chapter?.slug ? vote : null;
  }

  /** What the wall shows: "lobby", "vote", "watch", "verdict"; null where the page itself does. */
  get beat() {
    if (!this.room || !this.chapter || state.recording) return null;
    if (state.act.running) return "watch";
    if (!this.joined) return "lobby";
    const scene = sceneOf(state, this.chapter, noteOf(this.chapter.slug));
    if (scene === "ask") return "vote";
    if (this.ranLast === this.chapter.slug && this.vote && !this.vote.decided) return "watch"; // the verdict is on its way
    return this.vote?.decided && this.read !== this.chapter.slug ? "verdict" : null;
  }

  draw() {
    this.follow();
    const beat = this.out ? null : this.beat;
    this.hidden = !beat;
    document.body.classList.toggle("walled", Boolean(beat));
    if (!beat) return;
    mark(this, "data-beat", beat);
    const { caption, body, key, numbers, buttons } = this[beat === "vote" ? "ask" : beat]();
    say(this.caption, caption);
    refill(this.body, `${beat} ${key}`, () => [body()].flat());
    if (beat === "watch") moveDots(this.body, this.public.desks);
    refill(this.numbers, JSON.stringify(numbers), () => numbers.map(([number, unit]) => h("div", {}, h("dd", {}, String(number)), h("dt", {}, unit))));
    refill(this.bar, buttons.map(([label]) => label).join(), () => buttons.map(([label, act]) => h("button", { type: "button", onclick: act }, label)));
  }

  /** Ask when a chapter opens, decide when its run is over, and say what runs. */
  follow() {
    if (!this.room || !this.chapter) return;
    const { slug, predict } = this.chapter;
    const { running, caption } = state.act;
    const said = `${running} ${caption}`;
    if (said !== this.said) {
      this.said = said;
      this.send("say", { caption: caption.slice(0, 200), running: running ? "yes" : "no" });
    }
    if (running) this.ran = this.ranLast = slug;
    const result = resultOf(noteOf(slug));
    if (!running && this.ran === slug && result && this.decided !== `${slug} ${result.took}`) {
      this.decided = `${slug} ${result.took}`;
      this.ran = "";
      if (this.vote && !this.vote.decided) this.order("decide", { seen: borneOut(predict.choices, result.facts) ?? -1 });
      this.send("look", {});
    }
    if (this.joined && this.beat === "vote" && this.asked !== slug) {
      this.asked = slug;
      this.order("ask", { chapter: slug });
    }
  }

  /** The next step of the class; returns what it does for a button's label, or does it. */
  onward() {
    const beat = this.beat;
    if (this.out) { this.out = false; this.draw(); return; }
    if (beat === "lobby") this.joined = true;
    else if (beat === "watch") state.act.paused && toggleAct();
    else if (beat === "verdict") this.read = this.chapter.slug;
    else if (beat === "vote") this.voteOn();
    else step(1);
    set({});
  }

  voteOn() {
    const { phase, round } = this.vote ?? {};
    if (!phase || this.vote.decided) return this.order("ask", { chapter: this.chapter.slug });
    if (phase === "asked" || (phase === "closed" && round === 1)) return this.order("vote", { do: "open" });
    if (phase === "open") return this.order("vote", { do: "close" });
    if (phase === "closed") return this.order("vote", { do: "show" });
    return this.run();
  }

  run() {
    if (noteOf(this.chapter.slug).guess === undefined) note(this.chapter.slug, { guess: "skip" });
    runScript(this.chapter, scriptOf(this.chapter, this.most()).number);
  }

  /** The answer that most have given so far: where no answer is right, it is the one that is run. */
  most() {
    const counts = this.vote?.histogram?.at(-1) ?? [];
    return counts.indexOf(Math.max(...counts));
  }

  /** Give an order of the room; one at a time, so that an impatient finger skips nothing. */
  async order(path, body) {
    if (this.sending) return;
    this.sending = true;
    try {
      this.room = { ...this.room, state: await post(`/lab/room/${path}`, body) };
      this.fail("");
    } catch (error) {
      this.fail(error.message);
    }
    this.sending = false;
    set({});
  }

  send(path, body) {
    post(`/lab/room/${path}`, body).catch((error) => this.fail(error.message));
  }

  fail(text) {
    this.trouble.hidden = !text;
    say(this.trouble, text && `✕ ${text}`);
  }

  key(event) {
    const { key, target, repeat } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || target.closest?.(FIELDS) || document.querySelector("dialog[open], :popover-open")) return;
    const letter = state.keys ? key.toLowerCase() : "";
    if (ONWARD.has(key)) repeat || this.onward();
    else if (letter === "w") this.out = !this.out;
    else if (this.hidden) return;
    else if (letter === "v" && this.vote) this.order("vote", { do: this.vote.phase === "open" ? "close" : "open" });
    else if (letter === "h" && this.vote) this.order("vote", { do: "show" });
    else if (!/^[1-4]$/.test(key)) return; // a prediction of the page below would not be seen
    event.preventDefault();
    event.stopPropagation();
    this.draw();
  }

  lobby() {
    const { address, code } = this.room;
    return {
      caption: "Take your phone, and join.", key: address + code,
      body: () => [h("img", { class: "wall-qr", src: "/lab/room/join.svg", alt: `QR code of ${address}` }),
        h("div", { class: "wall-how" }, h("p", {}, "Scan it, or open"), h("p", { class: "wall-address" }, address), h("p", {}, "and type the code"), h("p", { class: "wall-code" }, code),
          h("p", { class: "wall-soft" }, "A pretend name will do. Nothing leaves this laptop."))],
      numbers: this.roomNumbers(), buttons: [["Begin ▸", () => this.onward()]],
    };
  }

  ask() {
    const vote = this.vote;
    if (!vote) return { caption: this.chapter.predict.question, key: "", body: () => [], numbers: this.roomNumbers(), buttons: [["Ask ▸", () => this.onward()]] };
    const { phase, round, choices, histogram, voted } = vote;
    const words = { asked: "Open the vote ▸", open: "Close the vote ▸", closed: round === 1 ? "Vote again ▸" : "Show the votes ▸", shown: "Run ▸" };
    const line = { asked: this.chapter.setup, open: round === 2 ? "Vote again." : "Vote.", closed: round === 1 ? "Talk with your neighbour: who is right, and why?" : "The votes are in.", shown: round === 2 ? "First vote, and second." : "You voted:" }[phase];
    const all = this.public.phones;
    return {
      caption: vote.text, key: JSON.stringify([vote.chapter, phase, round, histogram, this.typing]),
      body: () => [h("p", { class: "wall-line" }, line), bars(choices, histogram, null), this.typing && this.hands(choices)].filter(Boolean),
      numbers: phase === "open" || phase === "closed" ? [[voted, "have voted"], [Math.max(0, all - voted), "still think"], [all, "phones"]] : this.roomNumbers(),
      buttons: [[words[phase], () => this.onward()], phase === "closed" && ["Show (H)", () => this.order("vote", { do: "show" })], phase === "closed" && round === 1 && ["Run ▸▸", () => this.run()],
        phase === "open" && ["Show of hands", () => { this.typing = !this.typing; this.draw(); }], ["Votes as CSV", () => { location.href = "/lab/room/votes.csv"; }], ["Hide the wall (W)", () => { this.out = true; this.draw(); }]].filter(Boolean),
    };
  }

  watch() {
    const { desks } = this.public;
    const shape = DESKS.map((desk) => [desks[desk].servers, desks[desk].store]);
    const counts = DESKS.map((desk) => countsOf(desks[desk].marks));
    const troubled = counts.some(({ foreign }) => foreign);
    const what = troubled ? "foreign" : counts.some(({ unanswered }) => unanswered) && !counts.some(({ lost }) => lost) ? "unanswered" : "lost";
    const words = { lost: "carts lost", unanswered: "without an answer", foreign: "saw another's cart" }[what];
    const harmless = what === "lost" && !DESKS.some((desk) => desks[desk].lost);
    return {
      caption: state.act.running ? state.act.caption || "Getting ready …" : "That was all. What came true?", key: JSON.stringify(shape),
      body: () => DESKS.map((desk) => deskDrawing(desk, desks[desk])),
      numbers: [[counts[0].all, "phones"], ...((harmless && ofChapter(tallyOf(state, shown()).numbers)) || DESKS.map((desk, n) => [what === "lost" ? desks[desk].lost : counts[n][what], `${words}, ${desk}`]))],
      buttons: [[state.act.paused ? "Continue" : "Pause", toggleAct], ["Hide the wall (W)", () => { this.out = true; this.draw(); }]],
    };
  }

  verdict() {
    const { text, choices, histogram, seen, said_so: [so, of] } = this.vote;
    const { desks } = this.public;
    const isOpen = !isDecided(this.chapter); // what the room has to choose, and no run decides
    const caption = isOpen ? "No answer is right or wrong. What did your choice cost just now?" : seen === null ? "None of the answers fits what was measured." : `${so} of ${of} of you said so.`;
    return {
      caption, key: JSON.stringify([text, histogram, seen]),
      body: () => [h("p", { class: "wall-line" }, text), bars(choices, histogram, seen)],
      numbers: [isOpen ? [of, "have chosen"] : [`${so} of ${of}`, "said so"], ...this.harm(desks)],
      buttons: [["So? ▸", () => this.onward()], ["Hide the wall (W)", () => { this.out = true; this.draw(); }]],
    };
  }

  /** What the run has done to the room; where that is nothing, what the chapter has measured. */
  harm(desks) {
    const foreign = DESKS.map((desk) => countsOf(desks[desk].marks).foreign);
    if (foreign.some(Boolean)) return foreign.map((count, n) => [count, `of you saw another's cart, ${DESKS[n]}`]);
    const lost = DESKS.map((desk) => [desks[desk].lost, `of your carts lost, ${desk}`]);
    const result = resultOf(noteOf(this.chapter.slug));
    const measured = result && Object.fromEntries(findingsOf(this.chapter, result).desks.map(({ desk, numbers }) => [desk, numbers]));
    return (!lost.some(([count]) => count) && ofChapter(measured)) || lost;
  }

  roomNumbers() {
    const counts = DESKS.map((desk) => countsOf(this.public.desks[desk].marks));
    return [[this.public.phones, "phones"], [counts[0].kept, "carts, stateful"], [counts[1].kept, "carts, stateless"]];
  }

  hands(choices) {
    const inputs = choices.map((_, n) => h("input", { type: "number", min: 0, max: 10000, value: 0, "aria-label": `Hands for answer ${n + 1}` }));
    const take = (event) => {
      event.preventDefault();
      this.typing = false;
      this.order("hands", { counts: inputs.map((each) => Math.trunc(Number(each.value))) });
    };
    return h("form", { class: "wall-hands", onsubmit: take }, inputs.map((input, n) => h("label", {}, `${n + 1}: `, input)), h("button", { type: "submit", class: "main" }, "These hands count"));
  }
}

customElements.define("room-wall", RoomWall);

/** Put the wall up: called once, by a page with the instructor's rights. */
export function putUp() {
  if ($("room-wall")) return;
  document.head.append(h("link", { rel: "stylesheet", href: "/lab/room/wall.css" }));
  document.body.append(h("room-wall", { role: "region", "aria-label": "The room" }));
  notice("The room is open: → leads through the class, W shows or hides the wall.");
}
