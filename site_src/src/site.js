// The script of every page: it runs the parts whose places the page has.
import { claimsPage } from "./claims.js";
import { forest } from "./charts.js";
import { onWidth } from "./dom.js";
import { explorePage } from "./explore.js";
import { tree } from "./tree.js";

const claims = document.getElementById("claims");
const explorer = document.getElementById("explorer");

if (claims) {
  claimsPage(document.querySelector("form[data-filters]"), claims, document.querySelector(".forest"));
} else {
  for (const place of document.querySelectorAll(".forest")) {
    const points = JSON.parse(place.querySelector(".points").textContent);
    const draw = () =>
      place.replaceChildren(forest(points, Math.max(280, place.clientWidth), (id) => location.assign(`claims.html#${id}`)));
    draw();
    onWidth(place, draw);
  }
}

for (const place of document.querySelectorAll("div.tree")) {
  place.replaceChildren(tree(JSON.parse(place.querySelector("script").textContent)));
}

if (explorer) {
  explorePage(explorer).catch((error) => {
    document.getElementById("told").textContent = `${error.message}. Pages opened from a disk cannot load data: run python -m http.server in the folder of the site.`;
  });
}
