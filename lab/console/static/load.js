/** How many requests each server of a desk answered and refused: before servers were added, and after. Pure. */

/** {before: {A: {served, refused}}, after: {A: …, B: …}} of a desk, since event `since`; without an added server all is after. */
export function loadOf(scene, desk, since) {
  const added = scene.faults.find((each) => each.id > since && each.fault === "add" && each.desk === desk);
  const load = { before: {}, after: {} };
  for (const { id, desk: where, status, served_by: server } of scene.exchanges.values()) {
    if (where !== desk || id <= since || !server) continue;
    const when = load[added && id < added.id ? "before" : "after"];
    when[server] ??= { served: 0, refused: 0 };
    when[server][status < 400 ? "served" : "refused"] += 1;
  }
  return load;
}

/** The rows of squares at a server: what it did before servers were added stays, and is marked so. Pure. */
export function rowsAt({ before, after }, name) {
  const was = before[name];
  return [was && { ...was, before: true }, after[name] ?? (was ? null : {})].filter(Boolean);
}
