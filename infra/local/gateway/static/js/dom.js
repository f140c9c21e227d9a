// Elements from values. Text is always text: nothing here parses HTML.
const SVG = "http://www.w3.org/2000/svg";

export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

export function show(place, ...children) {
  place.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  place.removeAttribute("aria-busy");
}

// Replaces only what changed, so that a page that looks again every second keeps focus, selection and open folds.
export function showIfNew(place, facts, draw) {
  const print = JSON.stringify(facts);
  if (place.dataset.print === print) return;
  place.dataset.print = print;
  show(place, draw());
}

export async function busy(button, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

// Looks again and again while the page is seen. The pause is what the look returns, in milliseconds; null ends it.
export function keepLooking(look) {
  let timer;
  const round = async () => {
    clearTimeout(timer);
    const pause = document.hidden ? 1500 : await look();
    if (pause !== null) timer = setTimeout(round, pause ?? 1500);
  };
  document.addEventListener("visibilitychange", () => !document.hidden && round());
  round();
  return round;
}
