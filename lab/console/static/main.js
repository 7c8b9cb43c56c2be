/** The page: puts its parts to work, in the order in which a reader needs them. */

import { go, readAddress, step, takeTicket, turnTo } from "./address.js";
import { notice } from "./announce.js";
import { get, post } from "./api.js";
import { come } from "./customer.js";
import { $, h, mark, say } from "./dom.js";
import { recall, WINDOW } from "./kept.js";
import { fitNotes } from "./notes.js";
import { keepRights, proveRights } from "./rights.js";
import { keptRuns, recorded } from "./source.js";
import { set, state, subscribe } from "./state.js";
import { listen } from "./stream.js";
import { showPanel, toggleCloser, wireTabs } from "./tabs.js";
import { watchKeys } from "./keys.js";
import "./lesson.js";
import "./role-bar.js";
import "./score.js";
import "./stage.js";

const LINES = {
  connecting: "… connecting",
  open: "●",
  lost: "✕ connection lost",
};

const LINE_LOST = "The page has lost its connection to the lab, and tries again every second. Is `lab up` still running?";
const OWN = "This is a stage of your own, without other customers. Reload the page to leave it.";
const BADGES = { live: "LIVE", recorded: "RECORDED", lost: "NOT CONNECTED" };

const WALL = "/lab/room/wall.js"; // `lab class` alone has it

async function start() {
  const ticket = takeTicket();
  readAddress();
  wireTabs($(".tabs"));
  $("#back").addEventListener("click", () => step(-1));
  $("#next").addEventListener("click", () => step(1));
  $("#look-closer").addEventListener("click", () => toggleCloser());
  subscribe(drawTop);
  watchKeys();
  const wished = new URLSearchParams(location.search).get("step");
  const plan = await get("/lab/chapters");
  fitNotes(plan.chapters);
  $("#where").append(...plan.chapters.map(({ title }, n) => h("option", { value: n + 1 }, `${n + 1} of ${plan.chapters.length} · ${title}`)));
  $("#where").addEventListener("change", ({ target }) => { target.blur(); turnTo(Number(target.value)); }); // the keys are the lesson's again
  set({ plan });
  sayMissing(wished);
  await enter(ticket);
  if (state.instructor || recall("speaker", WINDOW)) import("./speaker-link.js"); // a learner needs none
  addEventListener("hashchange", enterAgain);
  addEventListener("popstate", openKept);
  if (state.view.run) await openKept();
  else if (!state.live) showPanel("panel-runs"); // kept runs are all there is
  if (state.live) {
    listen(() => enter(null)); // a snapshot may be another lab's
    await come();
  }
}

/** An address that names a chapter which is not there. */
function sayMissing(wished) {
  const { chapters } = state.plan;
  if (wished === null || (wished === String(state.view.step) && state.view.step <= chapters.length)) return;
  go({ step: 1 });
  notice(`There is no chapter ${wished.slice(0, 20)}: they are numbered from 1 to ${chapters.length}.`);
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

/** The kept run that the address names: also back and forward in the browser's history. */
async function openKept() {
  const { run } = state.view;
  if (run && run !== state.recording?.name) await (await import("./recording.js")).openAsked(run);
}

async function enter(ticket) {
  // Used already, by a reload or in another window: then this window only watches.
  const given = ticket && (await post("/lab/enter", { ticket }).catch(() => null));
  if (given) await keepRights(given.key);
  const { instructor, live, own_stages: ownStages, room, life } = await get("/lab/whoami");
  const proved = recorded ? instructor : live && (await proveRights(life, instructor));
  const has = [live && !recorded && "servers", live && "lesson", (!keptRuns || keptRuns.length) && "runs"].filter(Boolean);
  set({ instructor: proved, live, ownStages, has });
  mark(document.body, "data-has", has.join(" "));
  if (proved) await import("./lead.js"); // who has no rights cannot lead
  if (state.instructor && room) (await import(WALL)).putUp();
}

function drawTop(now) {
  const { plan, view, connection, recording, live } = now;
  const chapters = plan?.chapters ?? [];
  const chapter = chapters[view.step - 1];
  document.body.classList.toggle("present", view.present);
  if (chapter) {
    if (recording) say($("#where").firstChild, `Run ${recording.name}`);
    $("#where").value = recording ? "" : view.step;
    document.title = `${chapter.title} · Two Desks`;
  }
  mark($("#back"), "disabled", view.step <= 1);
  mark($("#next"), "disabled", view.step >= chapters.length);
  document.body.classList.toggle("recorded", Boolean(recording));
  drawLine(now);
  const badge = recorded || recording || !live ? "recorded" : connection === "open" ? "live" : "lost";
  say($("#badge"), BADGES[badge]);
  mark($("#badge"), "data-state", badge);
}

/** How the page is connected, or when its recording was made; the whole sentence is behind the badge. */
function drawLine({ connection, refused, recording, live, own, queue, scene }) {
  const trouble = connection === "lost" ? refused : scene.stack?.trouble;
  const wrong = live && (trouble || connection === "lost");
  const kept = wrong ? null : (recording ?? recorded)?.provenance;
  const line = trouble ? `✕ ${trouble}` : LINES[connection];
  const connected = live && !kept && !wrong && connection === "open";
  const short = kept?.made ?? (live ? `${line}${queue?.state === "starting" ? " a stage of your own is starting" : own && connected ? " your own stage" : ""}` : "no servers here");
  say($("#line"), short);
  mark($("#line"), "aria-label", connected ? "connected" : null);
  mark($("#line"), "data-state", live ? connection : "none");
  say($("#about"), kept?.line ?? (wrong ? (trouble ? short : LINE_LOST) : own ? OWN : ""));
  mark($("#badge"), "disabled", !$("#about").textContent);
}

start().catch((error) => {
  say($("#trouble"), error.message);
  $("#trouble").hidden = false;
});
