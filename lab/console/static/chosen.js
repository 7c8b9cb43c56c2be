/** The request to show: the one selected on the stage, else the newest. Pure. */

/** The selected request, found by its op or else by nginx's id; or undefined. */
export function pickedOf(scene, selected) {
  return selected ? scene.requests.find(({ op, request_id: id }) => op === selected || (!op && id === selected)) : undefined;
}

/** The newest request to a desk, {request, exchange}; exchange is missing if it was not recorded. */
export function newestOf(scene, desk, recorded) {
  const exchange = scene.last[desk] ?? undefined;
  const request = scene.requests.findLast((each) => each.desk === desk);
  const alone = request && request.id > (exchange?.id ?? -1) && !scene.exchanges.has(request.op);
  // For our own requests the log comes first and the bytes after it: wait for both.
  const final = recorded ? request?.id < scene.id : !request?.who;
  return alone && final ? { request } : { request: exchange, exchange };
}

/** The same customer's exchange at the same desk before this one, or undefined. */
export function beforeOf(scene, { desk, who, id }) {
  return [...scene.exchanges.values()].findLast((each) => each.desk === desk && each.who === who && each.id < id);
}

/** A text that identifies a playback: those of one run number their events alike. */
export function nameOf(recording) {
  return recording ? [recording.name, recording.index, recording.left?.name, recording.right?.name].join(" ") : "live";
}

/** The request whose code is shown, {method, path, sent, chosen}; before the first, the chapter's. */
export function subjectOf(scene, selected, chapter) {
  const chosen = pickedOf(scene, selected);
  const request = chosen ?? scene.requests.at(-1);
  const { method, path } = request ?? chapter?.code ?? { method: "GET", path: "/api/cart" };
  return { method, path, sent: Boolean(request), chosen: Boolean(chosen) };
}
