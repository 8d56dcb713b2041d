// The explorer: choose two runs, filter their questions, open one. The address keeps the state.
import { wonAndLost } from "./charts.js";
import { GROUPS, OUTCOMES, byGroup, filtered, paired, tally, valuesOf } from "./compare.js";
import { catalog, linesOf, questionsOf, textsOf } from "./data.js";
import { debounce, fill, onWidth } from "./dom.js";
import { questionItem } from "./question.js";
import { readState, writeState } from "./state.js";

const FILTERS = { outcome: "differ", set: "", family: "", skill: "", depth: "", form: "", broken: "", q: "" };
const FIELDS = { study: "", claim: "", a: "", b: "", seed: "", ...FILTERS, by: "family", open: "" };
const PAGE = 20; // questions added at a time
const BROKEN = { caption: "caption", reasoning: "reasoning", conclusion: "conclusion", none: "none broken" };

export async function explorePage(form) {
  const found = await catalog();
  const state = readState(FIELDS);
  const view = { found, state, form, pairs: [], page: 1, asked: 0 };
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", debounce((event) => changed(view, event.target), 60));
  document.querySelector("select[name=by]").addEventListener("input", (event) => {
    state.by = event.target.value;
    chart(view);
    writeState(FIELDS, state);
  });
  form.elements.reset.addEventListener("click", () => {
    Object.assign(state, FILTERS, { open: "" });
    dropClaim(view);
    show(view);
  });
  document.getElementById("more").addEventListener("click", () => {
    view.page += 1;
    list(view);
  });
  onWidth(document.getElementById("chart"), () => chart(view));
  await chooseRuns(view);
}

function byRow(study) {
  const rows = new Map();
  for (const run of study.runs) rows.set(run.row, [...(rows.get(run.row) ?? []), run]);
  return rows;
}

// Settle study, claim, rows and seed, what the address left open included, and load what they name.
async function chooseRuns(view) {
  const { state, found } = view;
  const study = found.studies.find((one) => one.name === state.study) ?? found.studies[0];
  const rows = byRow(study);
  let claim = study.claims.find((one) => one.id === state.claim);
  if (!claim && !(rows.has(state.a) && rows.has(state.b))) {
    claim = study.claims.find((one) => one.main) ?? study.claims[0];
    state.claim = claim?.id ?? "";
  }
  if (claim) Object.assign(state, { a: claim.a, b: claim.b });
  const a = rows.has(state.a) ? state.a : rows.keys().next().value;
  const rivals = [...rows].filter(([, runs]) => runs[0].questions === rows.get(a)[0].questions).map(([row]) => row);
  const b = rivals.includes(state.b) ? state.b : (rivals.find((row) => row !== a) ?? a);
  const seeds = [...new Set([...rows.get(a), ...rows.get(b)].map((run) => String(run.seed)))].sort();
  Object.assign(state, { study: study.name, a, b, seed: seeds.includes(state.seed) ? state.seed : seeds[0] });
  Object.assign(view, { study, rows, rivals, seeds, claim, runs: { a: runOf(rows, a, state.seed), b: runOf(rows, b, state.seed) } });
  await load(view);
}

// A row that ran once stands against every seed of another row.
function runOf(rows, row, seed) {
  return rows.get(row).find((run) => String(run.seed) === seed) ?? rows.get(row)[0];
}

async function load(view) {
  const { study, runs } = view;
  view.asked += 1;
  const turn = view.asked;
  try {
    const [questions, a, b] = await Promise.all([questionsOf(study, runs.a), linesOf(study, runs.a), linesOf(study, runs.b)]);
    if (turn !== view.asked) return; // another choice was made meanwhile
    view.pairs = paired(questions, a, b);
    controls(view);
    show(view);
  } catch (error) {
    document.getElementById("told").textContent = `${error.message}. Pages opened from a disk cannot load data: run python -m http.server in the folder of the site.`;
  }
}

function controls({ found, form, study, rows, rivals, seeds, claim, state, pairs }) {
  const name = (row) => [row, `${row} (${Math.round((100 * rows.get(row)[0].right) / rows.get(row)[0].n)} % right)`];
  fill(form.elements.study, found.studies.map((one) => [one.name, one.title]), study.name);
  const claims = study.claims.map((one) => [one.id, `${one.id}: ${one.statement}`]);
  fill(form.elements.claim, [["", "any two runs"], ...claims], claim?.id ?? "");
  fill(form.elements.a, [...rows.keys()].map(name), state.a);
  fill(form.elements.b, rivals.map(name), state.b);
  fill(form.elements.seed, seeds.map((seed) => [seed, seed]), state.seed);
  fill(form.elements.outcome, Object.entries(OUTCOMES), state.outcome);
  for (const group of GROUPS) {
    const values = valuesOf(pairs, group);
    if (state[group] && !values.includes(state[group])) state[group] = "";
    fill(form.elements[group], [["", "all"], ...values.map((value) => [value, value])], state[group]);
  }
  fill(form.elements.broken, [["", "any"], ...Object.entries(BROKEN)], state.broken);
  fill(document.querySelector("select[name=by]"), GROUPS.map((group) => [group, group]), state.by);
  form.elements.q.value = state.q;
}

function dropClaim(view) {
  view.state.claim = "";
  view.claim = undefined;
  controls(view);
}

function changed(view, { name, value }) {
  const { state } = view;
  state[name] = value;
  state.open = "";
  if (name === "study") Object.assign(state, { claim: "", a: "", b: "" });
  if (name === "a" || name === "b") state.claim = "";
  if (["study", "claim", "a", "b", "seed"].includes(name)) return chooseRuns(view);
  return show(view);
}

function show(view) {
  const { state, pairs, claim, runs } = view;
  const { asked, shown } = filtered(pairs, state, claim);
  const counts = tally(asked);
  Object.assign(view, { shown, inChart: asked, page: 1 });
  const about = claim ? `Claim ${claim.id}: ${claim.statement} ` : "";
  const seeds = runs.a.seed === runs.b.seed ? "" : ` B ran at seed ${runs.b.seed}, A at seed ${runs.a.seed}.`;
  document.getElementById("told").textContent =
    `${about}Of ${asked.length.toLocaleString("en")} questions, only A is right on ${counts.a}, only B on ${counts.b}, ` +
    `both on ${counts.right}, neither on ${counts.wrong}. ${shown.length.toLocaleString("en")} are listed.${seeds}`;
  chart(view);
  list(view);
  writeState(FIELDS, state);
  performance.mark("shown"); // how long the first view took: performance.getEntriesByName("shown")
}

function chart({ inChart, state, runs }) {
  const place = document.getElementById("chart");
  document.getElementById("summary").hidden = !inChart?.length;
  if (!inChart?.length) return;
  place.replaceChildren(wonAndLost(byGroup(inChart, state.by), Math.max(280, place.clientWidth || 600)));
  document.getElementById("chart-caption").textContent = `A is ${runs.a.row}, B is ${runs.b.row}. One bar counts the questions on which only that run is right.`;
}

function list(view) {
  const { shown, state, runs, study, found } = view;
  const opened = shown.findIndex((pair) => pair.question.qid === state.open);
  const many = Math.max(view.page * PAGE, opened + 1);
  const loadTexts = (pair) =>
    Promise.all([textsOf(study, runs.a, pair.placeA, found.block), textsOf(study, runs.b, pair.placeB, found.block)]);
  const toggled = (qid, open) => {
    if (open) state.open = qid;
    else if (state.open === qid) state.open = "";
    writeState(FIELDS, state);
  };
  const place = document.getElementById("questions");
  const there = view.page > 1 ? place.children.length : 0; // "Show more" adds and leaves opened questions alone
  const items = shown.slice(there, many).map((pair) =>
    questionItem(pair, runs, loadTexts, { open: pair.question.qid === state.open, toggled }));
  if (there) place.append(...items);
  else place.replaceChildren(...items);
  document.getElementById("more").hidden = many >= shown.length;
  if (!there && opened >= 0) place.children[opened].scrollIntoView();
}
