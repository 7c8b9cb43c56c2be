/** Whether anybody is looking: what is in a closed tab is neither asked for nor drawn. */

/** Is the tab open that this stands in? */
export function isShown(node) {
  return !node.closest("[hidden]");
}

/** Call `draw` each time the tab is opened, by mouse, by key or by the page. */
export function whenShown(node, draw) {
  const panel = node.closest('[role="tabpanel"]');
  new MutationObserver(() => isShown(node) && draw()).observe(panel, { attributes: true, attributeFilter: ["hidden"] });
}
