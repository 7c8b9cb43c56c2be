/** Makes and finds elements. Text is always set as text, so markup in a name has no effect. */

/**
 * Make an element: h("button", {class: "kill", onclick: kill, disabled: false}, "Kill ", name).
 * Attributes that are false, null or undefined are left out; true gives an empty attribute;
 * names that begin with "on" take a function. Children are nodes, texts, or lists of them.
 */
export function h(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** The first element below `root` that matches, or null. */
export function $(selector, root = document) {
  return root.querySelector(selector);
}

/** Set a text only if it changed, so that it is not redrawn or announced again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set an attribute only if it changed; false, null and undefined remove it. */
export function mark(node, name, value) {
  const now = value === true ? "" : value === false || value == null ? null : String(value);
  if (node.getAttribute(name) === now) return;
  if (now === null) node.removeAttribute(name);
  else node.setAttribute(name, now);
}

/** Replace the children only if `key`, a text that identifies what they show, changed. */
export function refill(node, key, children) {
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  node.replaceChildren(...children());
}

/**
 * Parse HTML that a server or a recording has made; return its body. Scripts in it do not run, and
 * whatever could open another page, whose scripts would, is taken out.
 */
export function parseHtml(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  body.querySelectorAll("base,embed,form,frame,iframe,link,meta,object,script").forEach((each) => each.remove());
  return body;
}

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else mark(node, name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}
