/** The page: puts its parts to work, in the order in which a reader needs them. */

import { go, readAddress, step, takeTicket } from "./address.js";
import { notice } from "./announce.js";
import { get, post } from "./api.js";
import { come } from "./customer.js";
import { $, mark, say } from "./dom.js";
import { recorded } from "./source.js";
import { set, state, subscribe } from "./state.js";
import { listen } from "./stream.js";
import { wireTabs } from "./tabs.js";
import { watchKeys } from "./keys.js";
import { openAsked } from "./recording.js";
import "./evidence.js";
import "./instructor.js";
import "./lesson.js";
import "./runs.js";
import "./score.js";
import "./shop.js";
import "./stage.js";
import "./timeline.js";
import "./token.js";

const LINES = {
  connecting: "… connecting",
  open: "● connected",
  lost: "✕ connection lost, trying again",
};

async function start() {
  const ticket = takeTicket();
  readAddress();
  wireTabs($(".tabs"));
  $("#back").addEventListener("click", () => step(-1));
  $("#next").addEventListener("click", () => step(1));
  subscribe(drawTop);
  watchKeys();
  set({ plan: await get("/lab/chapters") });
  await enter(ticket);
  addEventListener("hashchange", enterAgain);
  if (state.view.run) await openAsked(state.view.run);
  if (state.live) {
    listen();
    await come();
  }
}

/** A link with a ticket, pasted into a page that is open: no new page is loaded for it. */
async function enterAgain() {
  const ticket = takeTicket();
  if (!ticket) return;
  try {
    await enter(ticket);
    notice(state.instructor ? "This window may break things now." : "This link has been used: `lab open` makes another.");
  } catch (error) {
    notice(`✕ ${error.message}`);
  }
}

async function enter(ticket) {
  // Used already, by a reload or in another window: then this window only watches.
  if (ticket) await post("/lab/enter", { ticket }).catch(() => null);
  const { instructor, live } = await get("/lab/whoami");
  set({ instructor, live });
}

function drawTop({ plan, view, connection, refused, recording, live, scene }) {
  const chapters = plan?.chapters ?? [];
  const chapter = chapters[view.step - 1];
  document.body.classList.toggle("present", view.present);
  if (chapter) {
    say($("#claim"), chapter.claim);
    say($("#where"), `Step ${view.step} of ${chapters.length} · ${chapter.title}`);
    document.title = `${chapter.title} · Two Desks`;
  }
  mark($("#back"), "disabled", view.step <= 1);
  mark($("#next"), "disabled", view.step >= chapters.length);
  const trouble = connection === "lost" ? refused : scene.stack?.trouble;
  const line = trouble ? `✕ ${trouble}` : LINES[connection];
  say($("#line"), recorded?.line ?? (live ? line : "no servers here"));
  mark($("#line"), "data-state", live ? connection : "none");
  const played = recorded || recording || !live;
  say($("#badge"), played ? "RECORDED" : "LIVE");
  mark($("#badge"), "data-state", played ? "recorded" : "live");
}

start().catch((error) => {
  say($("#trouble"), error.message);
  $("#trouble").hidden = false;
});
