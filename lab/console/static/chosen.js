/** Which request is looked at: the one chosen on the stage, else the newest. Pure. */

/** The request that was chosen: by its op, or by nginx's id where it has none; else undefined. */
export function pickedOf(scene, selected) {
  return selected ? scene.requests.find(({ op, request_id: id }) => op === selected || (!op && id === selected)) : undefined;
}

/** What was last asked of a desk: {request, exchange}, where the exchange is missing if nobody recorded it. */
export function newestOf(scene, desk, recorded) {
  const exchange = scene.last[desk] ?? undefined;
  const request = scene.requests.findLast((each) => each.desk === desk);
  const alone = request && request.id > (exchange?.id ?? -1) && !scene.exchanges.has(request.op);
  // One of our own is told twice, the bytes after the log: those are waited for.
  const final = recorded ? request?.id < scene.id : !request?.who;
  return alone && final ? { request } : { request: exchange, exchange };
}

/** The same customer's exchange at the same desk before this one, or undefined. */
export function beforeOf(scene, { desk, who, id }) {
  return [...scene.exchanges.values()].findLast((each) => each.desk === desk && each.who === who && each.id < id);
}

/** A text that tells one playback from another: the same run has several, whose events are numbered alike. */
export function nameOf(recording) {
  return recording ? [recording.name, recording.index, recording.left?.name, recording.right?.name].join(" ") : "live";
}

/** Whose code is looked at: {method, path, sent, chosen}; before anything was sent, what the chapter says. */
export function subjectOf(scene, selected, chapter) {
  const chosen = pickedOf(scene, selected);
  const request = chosen ?? scene.requests.at(-1);
  const { method, path } = request ?? chapter?.code ?? { method: "GET", path: "/api/cart" };
  return { method, path, sent: Boolean(request), chosen: Boolean(chosen) };
}
