/** Tabs as the ARIA practices describe them: arrows move, the panel follows. */

import { $ } from "./dom.js";

/** True if the page has what the tab needs. */
function isThere(tab) {
  return getComputedStyle(tab).display !== "none";
}

/** Wire a tab list whose buttons name their panels with aria-controls. */
export function wireTabs(list) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const choose = (tab, focus) => {
    for (const each of tabs) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", chosen);
      each.tabIndex = chosen ? 0 : -1;
      $(`#${each.getAttribute("aria-controls")}`).hidden = !chosen;
    }
    if (focus) tab.focus();
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) choose(tab, false);
  });
  list.addEventListener("keydown", (event) => {
    const there = tabs.filter(isThere);
    const at = there.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // presenter remotes send arrows too: do not do both
    choose(there.at(to % there.length), true);
  });
  choose(tabs[0], false);
}

/** Open a panel by its id, and the part of the page that holds it; not one that this page lacks. */
export function showPanel(id) {
  const tab = $(`[aria-controls="${id}"]`);
  if (!isThere(tab)) return;
  toggleCloser(true);
  tab.click();
}

/** Show what is below the scene, or hide it. */
export function toggleCloser(open = $("#closer").hidden) {
  if (open) import("./closer.js");
  $("#closer").hidden = !open;
  $("#look-closer").setAttribute("aria-expanded", open);
  document.body.classList.toggle("closer", open);
}

/** Open a panel, and go there. */
export function openCloser(id) {
  showPanel(id);
  $("#closer").scrollIntoView({ block: "start" });
  $(`[aria-controls="${id}"]`)?.focus({ preventScroll: true });
}

/** True if the tab that contains `node` is open: a closed one is neither fetched nor drawn. */
export function isShown(node) {
  return !node.closest('[role="tabpanel"][hidden], #closer[hidden]');
}

/** Call `draw` each time the tab is opened, by mouse, by key or by the page. */
export function whenShown(node, draw) {
  const seen = new MutationObserver(() => isShown(node) && draw());
  for (const part of ['[role="tabpanel"]', "#closer"]) seen.observe(node.closest(part), { attributes: true, attributeFilter: ["hidden"] });
}
