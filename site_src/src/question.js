// One question of the explorer: a line with both answers that opens to the stages, the broken steps and the search.
import { badge, h } from "./dom.js";
import { tree } from "./tree.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

function mark(line) {
  return badge(line.correct ? "right" : "wrong", line.correct ? "✓ right" : "✗ wrong");
}

function picture(question) {
  if (!question.picture) {
    return h("span", { class: "picture missing" }, "no picture");
  }
  const alt = question.true_caption ? `Drawn picture: ${question.true_caption}` : `Picture of ${question.qid}`;
  return h("img", { class: "picture", src: `pictures/${question.picture}`, alt, loading: "lazy", width: 96, height: 96 });
}

// The sentences of a stage, those that do not hold marked. `seen` knows whether an earlier one was the first to break.
function statements(text, wrong, seen) {
  return text.split(/(?<=\.)\s+/).map((sentence) => {
    if (!wrong.includes(sentence.trim().replace(/\.$/, ""))) return `${sentence} `;
    if (seen.broken) return h("mark", { title: "does not hold" }, `${sentence} `);
    seen.broken = true;
    return h("span", {}, h("mark", {}, sentence), h("span", { class: "label" }, " ← first broken step "));
  });
}

function answer(name, run, line, texts) {
  const seen = { broken: false };
  const several = texts.rounds.length > 1 || texts.rounds.some((round) => round.candidates.length > 1);
  const stages = texts.stages.map(([stage, text]) =>
    h("li", {}, h("span", { class: "stage" }, stage === "all" ? "answer" : stage), " ", statements(text, texts.wrong, seen)));
  return h(
    "section",
    { class: "answer-of" },
    h("h3", {}, `${name}: ${run.row}, seed ${run.seed} `, mark(line)),
    h("p", { class: "quiet" }, `${run.what}; ${line.tokens.toLocaleString("en")} tokens`),
    h("ol", { class: "stages" }, stages),
    line.broken && h("p", { class: "quiet" }, line.broken === "none" ? "No stage is broken." : `First broken stage: ${line.broken}.`),
    line.problem && h("p", { class: "quiet" }, `Form: ${line.problem}.`),
    several && h("details", {}, h("summary", {}, "The search: every candidate and verdict"), tree(texts.rounds)),
  );
}

function truth(question) {
  const stages = ["summary", "caption", "reasoning", "conclusion"].filter((stage) => question[`true_${stage}`]);
  if (!stages.length) {
    return h("p", { class: "quiet" }, "The generator of pictures has changed since this question was answered, or the picture is not published, so neither picture nor true stages are shown.");
  }
  const list = stages.map((stage) => h("li", {}, h("span", { class: "stage" }, stage), ` ${question[`true_${stage}`]}`));
  return h("details", {}, h("summary", {}, "The true stages"), h("ol", { class: "stages" }, list));
}

function options(question) {
  const texts = JSON.parse(question.options);
  return texts.length ? h("p", { class: "options" }, texts.map((text, k) => h("span", {}, `${LETTERS[k]}. ${text}`))) : null;
}

// The letter of an option with its text, any other answer as it is.
function spelled(answer, question) {
  const text = JSON.parse(question.options)[LETTERS.indexOf(answer)];
  return text === undefined || answer.length !== 1 ? answer || "(no answer)" : `${answer}. ${text}`;
}

function givenAnswer(name, line, question) {
  return h("span", { class: "given" }, h("b", {}, `${name} `), spelled(line.pred, question), " ", mark(line));
}

export function questionItem(pair, runs, load, { open, toggled }) {
  const { question } = pair;
  const body = h("div", { class: "body" });
  const details = h(
    "details",
    { class: "question", id: question.qid },
    h(
      "summary",
      {},
      picture(question),
      h(
        "span",
        { class: "asked" },
        h("span", { class: "words" }, question.question || question.qid),
        h("span", { class: "gold" }, `Right answer: ${spelled(question.gold, question)}`),
        givenAnswer("Run A:", pair.a, question),
        givenAnswer("Run B:", pair.b, question),
      ),
    ),
    body,
  );
  let loaded = false;
  const show = async () => {
    if (loaded) return;
    loaded = true;
    body.replaceChildren(h("p", {}, "Loading …"));
    try {
      const [a, b] = await load(pair);
      const depth = question.depth ? `, depth ${question.depth}` : "";
      body.replaceChildren(
        h("p", { class: "quiet" }, `${question.qid}: ${question.family}, ${question.skill}, ${question.template}, ${question.form}${depth}`),
        options(question) ?? "",
        truth(question),
        h("div", { class: "sides" }, answer("A", runs.a, pair.a, a), answer("B", runs.b, pair.b, b)),
      );
    } catch (error) {
      loaded = false;
      body.replaceChildren(h("p", {}, `${error.message}. Close and open the question to try again.`));
    }
  };
  details.addEventListener("toggle", () => {
    if (details.open) show();
    toggled(question.qid, details.open);
  });
  if (open) details.open = true;
  return details;
}
