// The claims page: filters and sorting that the address keeps, and the forest plot of the claims that are left.
import { forest } from "./charts.js";
import { debounce, onWidth } from "./dom.js";
import { readState, writeState } from "./state.js";

const FIELDS = { q: "", verdict: "", paper: "", main: "", sort: "id", down: "" };

function idKey(id) {
  return [id[0], Number(id.slice(1))];
}

function keyOf(row, name) {
  if (name === "id") return idKey(row.dataset.id);
  const value = row.dataset[name];
  return [value === "" ? Infinity : Number(value)];
}

function compared(one, other, down) {
  for (let k = 0; k < one.length; k += 1) {
    if (one[k] === other[k]) continue;
    if (one[k] === Infinity || other[k] === Infinity) return one[k] === Infinity ? 1 : -1; // what has no number is last
    return (one[k] < other[k] ? -1 : 1) * (down ? -1 : 1);
  }
  return 0;
}

function kept(row, state) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const text = row.textContent.toLowerCase();
  return (
    (!state.verdict || row.dataset.verdict === state.verdict) &&
    (!state.paper || row.dataset.paper === state.paper) &&
    (!state.main || row.dataset.main === "1") &&
    words.every((word) => text.includes(word))
  );
}

export function claimsPage(form, table, figure) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const points = new Map(JSON.parse(figure.querySelector(".points").textContent).map((point) => [point.id, point]));
  const state = readState(FIELDS);

  function show() {
    const ordered = [...rows].sort((one, other) => compared(keyOf(one, state.sort), keyOf(other, state.sort), state.down));
    body.append(...ordered);
    const left = ordered.filter((row) => {
      row.hidden = !kept(row, state);
      return !row.hidden;
    });
    form.querySelector(".count").textContent = `${left.length} of ${rows.length} claims`;
    for (const button of table.querySelectorAll("button[data-sort]")) {
      const own = button.dataset.sort === state.sort;
      button.closest("th").setAttribute("aria-sort", own ? (state.down ? "descending" : "ascending") : "none");
    }
    draw(left.map((row) => points.get(row.dataset.id)).filter(Boolean));
    writeState(FIELDS, state);
  }

  let drawn = [];

  function draw(some) {
    drawn = some;
    const width = Math.max(300, figure.clientWidth);
    figure.replaceChildren(some.length ? forest(some, width, open) : "None of these claims has a measured difference.");
  }

  function open(id) {
    location.hash = id;
  }

  for (const name of ["q", "verdict", "paper"]) form.elements[name].value = state[name];
  form.elements.main.checked = Boolean(state.main);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", debounce(() => {
    for (const name of ["q", "verdict", "paper"]) state[name] = form.elements[name].value;
    state.main = form.elements.main.checked ? "1" : "";
    show();
  }));
  table.tHead.addEventListener("click", (event) => {
    const name = event.target.dataset.sort;
    if (!name) return;
    state.down = state.sort === name && !state.down ? "1" : "";
    state.sort = name;
    show();
  });
  const toClaim = () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!row) return;
    row.hidden = false;
    row.querySelector("details")?.setAttribute("open", "");
    row.scrollIntoView({ block: "center" });
  };
  window.addEventListener("hashchange", toClaim);
  onWidth(figure, () => draw(drawn));
  show();
  toClaim();
}
