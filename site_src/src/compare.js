// Two runs side by side: pairs of answers to the same question, the filters, and the counts for the chart.

export const OUTCOMES = {
  differ: "only one is right",
  a: "only A is right",
  b: "only B is right",
  right: "both are right",
  wrong: "both are wrong",
  all: "all questions",
};
export const GROUPS = ["family", "set", "skill", "depth", "form"];

export function paired(questions, linesA, linesB) {
  const inB = new Map(linesB.map((line, k) => [line.place, k]));
  return linesA.flatMap((line, k) => {
    const other = inB.get(line.place);
    if (other === undefined) return [];
    return [{ question: questions[line.place], a: line, b: linesB[other], placeA: k, placeB: other }];
  });
}

function outcome(pair) {
  if (pair.a.correct !== pair.b.correct) return pair.a.correct ? "a" : "b";
  return pair.a.correct ? "right" : "wrong";
}

export function groupOf(question, name) {
  if (name !== "depth") return question[name] || "none";
  return question.depth ? String(question.depth) : "unknown";
}

function fits(pair, state, claim) {
  const { question } = pair;
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${question.question} ${question.qid}`.toLowerCase();
  return (
    GROUPS.every((name) => !state[name] || groupOf(question, name) === state[name]) &&
    (!claim?.sets.length || claim.sets.includes(question.set)) &&
    (!claim?.skills.length || claim.skills.includes(question.skill)) &&
    (!state.broken || pair.a.broken === state.broken || pair.b.broken === state.broken) &&
    words.every((word) => text.includes(word))
  );
}

// Return the pairs that fit all filters but the outcome, and of those the pairs with the chosen outcome.
export function filtered(pairs, state, claim) {
  const asked = pairs.filter((pair) => fits(pair, state, claim));
  const shown = asked.filter((pair) => {
    const own = outcome(pair);
    return state.outcome === "all" || state.outcome === own || (state.outcome === "differ" && (own === "a" || own === "b"));
  });
  return { asked, shown };
}

export function tally(pairs) {
  const counts = { a: 0, b: 0, right: 0, wrong: 0 };
  for (const pair of pairs) counts[outcome(pair)] += 1;
  return counts;
}

export function byGroup(pairs, name) {
  const groups = Map.groupBy ? Map.groupBy(pairs, (pair) => groupOf(pair.question, name)) : grouped(pairs, name);
  const sorted = [...groups].sort(([one], [other]) => one.localeCompare(other, "en", { numeric: true }));
  return sorted.map(([group, some]) => ({ name: group, ...tally(some) }));
}

function grouped(pairs, name) {
  const found = new Map();
  for (const pair of pairs) {
    const group = groupOf(pair.question, name);
    found.set(group, [...(found.get(group) ?? []), pair]);
  }
  return found;
}

export function valuesOf(pairs, name) {
  return byGroup(pairs, name).map((group) => group.name);
}
