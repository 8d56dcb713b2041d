// The charts, drawn by Observable Plot. Colors are Okabe and Ito's, which color-blind readers can tell apart; a shape or
// a side says the same as each color. Inconclusive results are gray.
import * as Plot from "@observablehq/plot";

const VERDICTS = ["supported", "opposite", "negligible", "inconclusive"];
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#8a8a8a"];
const SYMBOLS = ["circle", "triangle", "square", "times"];
const LINE = 15; // pixels for one claim
const ROOMY = 56; // the same where every claim is told in full, on several lines
const FEW = 12; // so many claims are told in full
const WIDE = 480; // pixels from which a line also says its claim
const STYLE = { background: "transparent", fontSize: "12px", fontFamily: "inherit", overflow: "visible" };

// The chart is one image with one description: the names that Plot gives its parts are taken away.
function image(plot) {
  const chart = plot.tagName === "svg" ? plot : plot.querySelector(":scope > svg");
  chart.setAttribute("role", "img");
  for (const part of plot.querySelectorAll("g[aria-label]")) part.removeAttribute("aria-label");
  for (const swatch of plot.querySelectorAll("svg")) {
    if (swatch === chart) continue;
    swatch.removeAttribute("role");
    swatch.setAttribute("aria-hidden", "true");
  }
  return plot;
}

function told(point) {
  const seeds = point.seeds === 1 ? "1 seed" : `${point.seeds} seeds`;
  return [
    `${point.id}: ${point.statement}`,
    `reported: ${point.reported}`,
    `measured: ${point.measured}`,
    `${point.worded}; ${point.n} questions, ${seeds}`,
  ].join("\n");
}

// A few wide intervals must not make all others too short to read: the axis ends at twice the median reach of an
// interval, but beyond every value. An interval that goes on has an arrow at the edge.
export function reachOf(points) {
  const ends = points.map((point) => Math.max(Math.abs(point.low), Math.abs(point.high))).sort((a, b) => a - b);
  const middle = ends.length % 2 ? ends[(ends.length - 1) / 2] : (ends[ends.length / 2 - 1] + ends[ends.length / 2]) / 2;
  return 1.05 * Math.max(...points.map((point) => Math.abs(point.value)), Math.min(ends.at(-1), 2 * middle), 1);
}

export function forest(points, width, pick = () => {}) {
  const reach = reachOf(points);
  const cut = (side, at) => ({ y: "id", x: () => at, text: () => side, fontSize: 10, fill: "currentColor" });
  const statements = new Map(points.map((point) => [point.id, point.statement]));
  const narrow = width < WIDE;
  const full = !narrow && points.length <= FEW;
  const margin = narrow ? 44 : Math.min(420, 0.45 * width);
  const said = (id) => (narrow ? id : `${id}  ${statements.get(id)}`);
  const plot = Plot.plot({
    width,
    height: 70 + (full ? ROOMY : LINE) * points.length,
    marginLeft: margin,
    marginRight: 16,
    marginBottom: 44,
    style: STYLE,
    ariaLabel: "Forest plot of measured differences",
    ariaDescription: "One line for each claim: the difference in points and its 95 % interval. The table has the numbers.",
    x: { label: "difference in points, 95 % interval", grid: true, domain: [-reach, reach], clamp: true },
    y: { domain: [...statements.keys()], label: null },
    color: { domain: VERDICTS, range: COLORS },
    symbol: { domain: VERDICTS, range: SYMBOLS, legend: true },
    marks: [
      Plot.axisY({ tickSize: 0, tickFormat: said, lineWidth: margin / (full ? 12.4 : 13), textOverflow: full ? null : "ellipsis" }),
      Plot.ruleX([0]),
      Plot.ruleY(points, { y: "id", x1: "low", x2: "high", stroke: "verdict", strokeWidth: 1.5 }),
      Plot.dot(points, { x: "value", y: "id", fill: "verdict", stroke: "verdict", symbol: "verdict", r: 3.5 }),
      Plot.text(points.filter((point) => point.low < -reach), cut("◀", -reach)),
      Plot.text(points.filter((point) => point.high > reach), cut("▶", reach)),
      Plot.tip(points, Plot.pointerY({ x: "value", y: "id", title: told, lineWidth: 26, maxRadius: 60 })),
    ],
  });
  plot.addEventListener("click", () => plot.value && pick(plot.value.id));
  plot.style.cursor = "pointer";
  return image(plot);
}

// counts: [{ name, a, b }], how many questions of each name run A wins and loses
export function wonAndLost(counts, width) {
  const bars = counts.flatMap((count) => [
    { name: count.name, side: "only A is right", value: count.a, at: count.a },
    { name: count.name, side: "only B is right", value: count.b, at: -count.b },
  ]);
  const longest = Math.max(...counts.map((count) => count.name.length), 4);
  return image(
    Plot.plot({
      width,
      height: 70 + 24 * counts.length,
      marginLeft: Math.min(24 + 6.5 * longest, width / 2.5),
      marginBottom: 44,
      insetLeft: 26,
      insetRight: 26,
      style: STYLE,
      ariaLabel: "Questions on which only A or only B is right, by group",
      x: { label: "← only B · questions · only A →", labelAnchor: "center", grid: true, tickFormat: (d) => Math.abs(d) },
      y: { domain: counts.map((count) => count.name), label: null, tickSize: 0 },
      color: { domain: ["only A is right", "only B is right"], range: ["#0072b2", "#d55e00"], legend: true },
      marks: [
        Plot.barX(bars, { y: "name", x: "at", fill: "side", insetTop: 2, insetBottom: 2 }),
        Plot.text(bars.filter((bar) => bar.at > 0), { y: "name", x: "at", text: "value", textAnchor: "start", dx: 4 }),
        Plot.text(bars.filter((bar) => bar.at < 0), { y: "name", x: "at", text: "value", textAnchor: "end", dx: -4 }),
        Plot.ruleX([0]),
      ],
    }),
  );
}
