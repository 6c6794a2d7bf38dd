// The gallery's comforts: its place kept on the way back, selection with shift, arrow keys.
import "./place.js";
import "./selection.js";
import { onKeys } from "./keys.js";

const grid = document.getElementById("grid");
const links = () => [...grid.querySelectorAll(".card-link")];
const current = () => document.activeElement?.closest?.(".card")?.querySelector(".card-link");

function focus(link) {
  link.focus({ preventScroll: true });
  link.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = links();
  const from = current();
  const next = from ? all[all.indexOf(from) + by] : all.find((link) => link.getBoundingClientRect().top >= 0);
  if (next) focus(next);
  return Boolean(next);
}

/** The card of the row above or below whose middle is nearest. */
function row(direction) {
  const from = current();
  if (!from) return false; // the page scrolls, as ever
  const here = from.getBoundingClientRect();
  const middle = (box) => (box.left + box.right) / 2;
  let best = null;
  for (const link of links()) {
    const box = link.getBoundingClientRect();
    const away = (box.top - here.top) * direction;
    if (away < 4) continue;
    const score = away * 4 + Math.abs(middle(box) - middle(here));
    if (!best || score < best.score) best = { link, score };
  }
  if (best) focus(best.link);
  return Boolean(best);
}

const forwards = () => (getComputedStyle(grid).direction === "rtl" ? -1 : 1);
onKeys({
  ArrowRight: () => step(forwards()),
  ArrowLeft: () => step(-forwards()),
  ArrowDown: () => row(1),
  ArrowUp: () => row(-1),
});
