// A search as a tree: each stage lists its candidates, the kept one leads to the next stage. Equal texts are one card.
import { h } from "./dom.js";

function alike(candidates) {
  const cards = new Map();
  for (const one of candidates) {
    const card = cards.get(one.text) ?? { ...one, numbers: [], kept: false, problem: "" };
    card.numbers.push(one.n + 1);
    card.kept ||= one.kept;
    card.problem ||= one.problem;
    cards.set(one.text, card);
  }
  return [...cards.values()];
}

function candidate(card) {
  const many = card.numbers.length > 1;
  const name = `${many ? "candidates" : "candidate"} ${card.numbers.join(", ")}`;
  const about = `log p ${card.logprob}, ${card.tokens} tokens${card.problem ? `; ${card.problem}` : ""}`;
  return h(
    "li",
    { class: card.kept ? "candidate kept" : "candidate" },
    h("p", { class: "about" }, h("b", {}, card.kept ? `✓ kept: ${name}` : name), ` ${many ? "with the same text; " : ""}${about}`),
    h("p", { class: "text" }, card.text || "(nothing)"),
  );
}

function match(one) {
  const loser = one.winner === one.a ? one.b : one.a;
  const how = one.same ? "the same text" : one.tie ? "by a coin" : one.note;
  const right = one.better == null || one.same ? null : one.better === one.winner ? "the truer one won" : "the truer one lost";
  return h("li", {}, `${one.winner + 1} beats ${loser + 1}${how ? ` (${how})` : ""}${right ? `: ${right}` : ""}`);
}

export function tree(rounds) {
  const judged = rounds.some((round) => round.matches.length);
  const several = rounds.some((round) => round.candidates.length > 1);
  return h("div", {}, several && !judged && h("p", { class: "quiet" }, "The record of this run keeps no verdicts."), list(rounds));
}

function list(rounds) {
  return h(
    "ol",
    { class: "rounds" },
    rounds.map((round) =>
      h(
        "li",
        {},
        h("p", { class: "stage" }, round.stage === "all" ? "whole answer" : round.stage),
        h("ul", { class: "candidates" }, alike(round.candidates).map(candidate)),
        round.matches.length > 0 &&
          h("details", {}, h("summary", {}, `${round.matches.length} verdicts`), h("ul", { class: "plain" }, round.matches.map(match))),
      ),
    ),
  );
}
