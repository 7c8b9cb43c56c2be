/** A phone in the room: it polls one public resource, votes, and shops at both desks. Signs come before it, of lab/console/words.py. */

const POLL_MS = 1000;
const $ = (id) => document.getElementById(id);
const DESKS = { stateful: "Stateful desk", stateless: "Stateless desk" };
const FATES = {
  "-": "nothing in it yet", x: `${FATE_SIGNS.lost} lost`, "?": `${FATE_SIGNS.unknown} no server answers for it`, w: `${FATE_SIGNS.wrong} another's cart was shown`,
  h: `${FATE_SIGNS.kept} kept: in your parcel`, s: `${FATE_SIGNS.kept} kept in the shared store`,
};

let code = "";
let me = null; // the answer to /room/me
let room = null; // the public state
let epoch = "";
let marks = ""; // mine in the state that was drawn last
let busy = false;
let said = ""; // what went wrong with the last press
let silent = false; // whether that is: the lab does not answer
let away = 0; // polls without an answer

/** Make an element; text is always text, so markup in a name has no effect. */
function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

/** Redraw a place only if what it shows has changed, so that no button goes under a finger. */
function draw(id, shows, children) {
  const place = $(id);
  place.hidden = shows === null;
  const key = JSON.stringify(shows);
  if (place.dataset.key === key) return;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.dataset.key = key;
  place.replaceChildren(...(shows === null ? [] : children().filter(Boolean)));
  if (focused) place.querySelector(`[data-key="${focused}"]`)?.focus();
}

async function send(path, body) {
  let answer;
  try {
    answer = await fetch(`/room/${path}`, {
      method: body ? "POST" : "GET", body: body && JSON.stringify(body), credentials: "same-origin", cache: "no-store",
      headers: body ? { "Content-Type": "application/json", "X-Room": "1", "X-Room-Code": code } : {},
      signal: AbortSignal.timeout?.(8000),
    });
  } catch {
    const error = new Error("The lab does not answer. Are you in the room's Wi-Fi? Keep this page open: it tries again.");
    throw Object.assign(error, { silent: true });
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.detail ?? `The lab answered ${answer.status}. Wait a moment, then try again.`);
  throw Object.assign(error, { status: answer.status, silent: problem.silent });
}

async function poll() {
  try {
    room = await send("state");
    away = 0;
    if (epoch && epoch !== room.epoch && me) await comeBack();
    epoch = room.epoch;
    const mine = me && own(room);
    if (mine && mine !== marks) {
      const known = marks;
      marks = mine;
      if (known || mine.includes("x")) setTimeout(refresh, Math.random() * 700); // not all at once
    }
    if (mine === "..") await comeBack();
  } catch (error) {
    away += 1;
    if (away > 2) complain(error);
  }
  if (!away && silent) complain({ message: "" });
  render();
  setTimeout(poll, POLL_MS * (away > 5 ? 3 : 1));
}

/** Show an error; one that is a silence of the lab ends when the lab answers again. */
function complain(error) {
  said = error.message;
  silent = Boolean(error.silent);
}

function own({ desks }) {
  return Object.keys(DESKS).map((desk) => desks[desk].marks[me.number - 1] ?? ".").join("");
}

async function refresh() {
  try {
    me = await send("me", {});
  } catch (error) {
    if (error.status === 404) await comeBack();
  }
  render();
}

/** The lab has been started again, or this phone's place was given away: join again by itself. */
async function comeBack() {
  const name = localStorage.getItem("name");
  marks = "";
  try {
    me = await send("me", {});
  } catch {
    me = null;
    if (!name || !code) return;
    try {
      await join(name);
      said = "You were out of the room for a moment and are in again. Carts begin empty: press +.";
    } catch (error) {
      complain(error);
    }
  }
}

async function join(name) {
  me = await send("join", { code, name }).catch(async (error) => {
    if (error.status !== 409) throw error;
    await fetch("/", { cache: "no-store" }); // this phone's address is new: the page gives it a new id
    return send("join", { code, name });
  });
  localStorage.setItem("name", name);
  localStorage.setItem("code", code);
}

async function attempt(act) {
  if (busy) return;
  busy = true;
  said = "";
  render();
  try {
    await act();
  } catch (error) {
    complain(error);
    if (error.status === 404) await comeBack();
  }
  busy = false;
  render();
}

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  code = $("code").value.toUpperCase().replace(/[\s-]/g, "");
  attempt(() => join($("name").value));
});

function render() {
  $("trouble").hidden = !said;
  if ($("trouble").textContent !== said) $("trouble").textContent = said;
  $("join").hidden = Boolean(me);
  $("who").hidden = !me;
  if (!me) {
    for (const id of ["vote", "carts", "strips"]) $(id).hidden = true;
    return;
  }
  const who = `You are “${me.name}”, phone ${me.number}.`;
  if ($("who").textContent !== who) $("who").textContent = who;
  drawVote(room?.vote ?? null);
  drawCarts();
  draw("strips", room?.running ? [room.desks, room.caption, room.store_state, marks] : null, () => [
    room.caption && h("p", { class: "soft" }, room.caption), ...Object.keys(DESKS).map(strip)]);
}

function drawVote(vote) {
  const choice = vote && me.round === vote.round ? me.choice : null;
  draw("vote", vote && [vote.chapter, vote.phase, vote.round, vote.histogram, vote.seen, vote.decided, choice, busy, room.running], () => {
    const { phase, round, text, choices, histogram, decided, seen, said_so: so } = vote;
    const open = phase === "open";
    const words = open ? (choice === null ? (round === 2 ? "You have talked: vote again." : "Vote now.") : "Your vote is counted. You can change it while the vote is open.")
      : decided ? (seen === null ? "None of the answers fits what was measured." : `${so[0]} of ${so[1]} of you said what came true.`)
      : room.running ? "It is being tried now. Watch your carts."
      : phase === "asked" ? "The vote opens in a moment." : round === 1 ? "The vote is closed. Talk with your neighbour." : "The vote is closed. Look at the wall.";
    const head = [h("h2", { class: "title" }, text), h("p", { role: "status" }, words)];
    if (decided || room.running || phase === "closed") { // room for what happens to the carts
      return [...head, choice !== null && h("p", { class: "said" }, `You said: ${choices[choice]}`), decided && seen !== null && h("p", { class: "said" }, h("strong", {}, `It was: ${choices[seen]}`))];
    }
    return [...head, ...choices.map((each, number) => h("button", {
      type: "button", class: "choice", "data-key": `c${number}`, "aria-pressed": String(choice === number), disabled: !open || busy,
      onclick: () => attempt(async () => {
        const counted = await send("vote", { choice: number, round });
        me = { ...me, choice: counted.choice, round: counted.round };
      }) }, h("kbd", { "aria-hidden": "true" }, String(number + 1)), h("span", {}, each),
      histogram && h("span", { class: "bar" }, histogram.map((counts) => counts[number]).join(" → "))))];
  });
}

function drawCarts() {
  draw("carts", [me.desks, busy, room?.shelf, marks], () => {
    const count = (sku) => Math.max(...Object.values(me.desks).map(({ lines }) => lines.find((each) => each.sku === sku)?.quantity ?? 0));
    const press = (sku, by, sign, name) => h("button", { type: "button", "data-key": sku + by, disabled: busy, "aria-label": `${sign} ${name}`, onclick: () => attempt(async () => {
      me = await send("cart", { sku, by });
      marks = Object.keys(DESKS).map((desk) => me.desks[desk].mark).join("");
    }) }, sign);
    return [h("div", { class: "goods" }, Object.entries(room?.shelf ?? {}).map(([sku, name]) => [
      h("span", {}, name), press(sku, -1, "−", name), h("output", {}, String(count(sku))), press(sku, 1, "+", name)]).flat()),
    ...Object.keys(DESKS).map(deskOf)];
  });
}

function deskOf(desk) {
  const { lines, credential, news } = me.desks[desk];
  const mark = markAt(desk);
  const things = lines.map(({ quantity, name }) => `${quantity} × ${name}`).join(", ");
  const kept = /[A-Zhs]/.test(mark);
  return h("div", { class: "desk", "data-mark": kept ? "kept" : mark },
    h("h2", {}, DESKS[desk]),
    h("p", {}, things && `${things}: `, h("span", { class: "fate" }, FATES[mark] ?? `${FATE_SIGNS.kept} kept in the memory of server ${mark}`)),
    h("p", { class: "soft" }, credential ? `${desk === "stateful" ? "Your ticket" : "Your parcel"}: ${credential}` : "You have no credential here."),
    news && h("p", { class: "news" }, news));
}

/** Where my cart is: what the room says, which is newer than the answer to my last press. */
function markAt(desk) {
  return marks[Object.keys(DESKS).indexOf(desk)] || me.desks[desk].mark;
}

function strip(desk) {
  const { servers, store } = room.desks[desk];
  const mark = markAt(desk);
  const names = servers.map(([name, state]) => h("span", { class: mark === name && "mine" }, `${name}${STATE_SIGNS[state] ?? ""}`));
  const held = { x: `${FATE_SIGNS.lost} lost`, "?": `${FATE_SIGNS.unknown} no answer`, w: `${FATE_SIGNS.wrong} not yours`, "-": "empty", h: `${FATE_SIGNS.kept} in hand`, s: `${FATE_SIGNS.kept} in store` }[mark] ?? `${FATE_SIGNS.kept} in ${mark}`;
  const place = desk === "stateless" ? "no store" : store === "memory" ? "memory" : `store ${STATE_SIGNS[room.store_state] ?? ""}`;
  return h("p", { class: "strip", "aria-label": DESKS[desk] }, h("span", {}, `You: ${held}`), h("b", {}, names), h("span", {}, place));
}

const given = decodeURIComponent(location.hash.slice(1)).toUpperCase();
code = given || localStorage.getItem("code") || "";
if (given) history.replaceState(null, "", "/");
$("code").value = code;
$("name").value = localStorage.getItem("name") ?? "";
(async () => {
  if (code && localStorage.getItem("name")) await comeBack();
  poll();
})();
