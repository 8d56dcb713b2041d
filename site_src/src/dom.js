// Make elements. Texts become text nodes, so nothing that a model wrote is ever read as HTML.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

export function badge(verdict, words = verdict) {
  return h("span", { class: "badge", "data-verdict": verdict }, words);
}

export function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}

// Run when the place has another width than before; a change of height, as when a bar of the browser goes, is none.
export function onWidth(place, run) {
  let width = place.clientWidth;
  new ResizeObserver(debounce(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    run();
  }, 150)).observe(place);
}

export function debounce(run, milliseconds = 120) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), milliseconds);
  };
}
