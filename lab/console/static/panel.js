/** Whether a tab is open: a closed one is neither fetched nor drawn. */

/** Whether the tab that contains `node` is open. */
export function isShown(node) {
  return !node.closest("[hidden]");
}

/** Call `draw` each time the tab is opened, by mouse, by key or by the page. */
export function whenShown(node, draw) {
  const panel = node.closest('[role="tabpanel"]');
  new MutationObserver(() => isShown(node) && draw()).observe(panel, { attributes: true, attributeFilter: ["hidden"] });
}
