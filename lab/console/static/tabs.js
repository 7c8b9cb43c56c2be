/** Tabs as the ARIA practices describe them: arrows move, the panel follows. */

import { $ } from "./dom.js";

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
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // presenter remotes send arrows too: do not do both
    choose(tabs.at(to % tabs.length), true);
  });
  choose(tabs[0], false);
}

/** Open a panel by its id. */
export function showPanel(id) {
  $(`[aria-controls="${id}"]`)?.click();
}

/** Whether the tab that contains `node` is open: a closed one is neither fetched nor drawn. */
export function isShown(node) {
  return !node.closest("[hidden]");
}

/** Call `draw` each time the tab is opened, by mouse, by key or by the page. */
export function whenShown(node, draw) {
  const panel = node.closest('[role="tabpanel"]');
  new MutationObserver(() => isShown(node) && draw()).observe(panel, { attributes: true, attributeFilter: ["hidden"] });
}
