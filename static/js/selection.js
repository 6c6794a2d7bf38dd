// Selecting photos: the checkboxes and the bar work by CSS and a plain form; this adds the count, shift for a range,
// a mode in which a tap on a photo selects it, and keys.
import "./deleting.js";
import { onKeys } from "./keys.js";
import { announce } from "./messages.js";
import { expectReturn } from "./visit.js";

const form = document.getElementById("selection");
const mode = document.getElementById("select-mode");
let anchor = null; // the box clicked last: where a range begins

const boxes = () => [...form.querySelectorAll(".pick input")];

function update() {
  const chosen = boxes().filter((box) => box.checked).length;
  form.querySelector("[data-count]").textContent = chosen;
  return chosen;
}

function range(to) {
  const all = boxes();
  const [from, until] = [all.indexOf(anchor), all.indexOf(to)].sort((a, b) => a - b);
  if (from >= 0) for (const box of all.slice(from, until + 1)) box.checked = to.checked;
}

function choose(box, shift) {
  if (shift && anchor) range(box);
  anchor = box;
  const chosen = update();
  announce(chosen === 1 ? "1 photo selected" : `${chosen} photos selected`);
}

if (form) {
  form.addEventListener("click", (event) => {
    if (event.target.matches(".pick input")) return choose(event.target, event.shiftKey);
    // In the mode, or with shift once something is selected, the whole photo is the checkbox.
    const link = event.target.closest(".card-link");
    if (!link || event.ctrlKey || event.metaKey || event.button) return;
    if (mode?.checked || (event.shiftKey && boxes().some((box) => box.checked))) {
      event.preventDefault();
      const box = link.closest(".card").querySelector(".pick input");
      box.checked = !box.checked;
      choose(box, event.shiftKey);
    }
  });
  // A shift-click would otherwise select the text in between.
  form.addEventListener("mousedown", (event) => event.shiftKey && event.target.closest(".card") && event.preventDefault());
  form.addEventListener("reset", () => {
    if (mode) mode.checked = false;
    anchor = null;
    setTimeout(() => { update(); announce("Selection cleared"); });
  });
  // The answer is this page again: find the place. A deletion happens in place (deleting.js).
  form.addEventListener("submit", (event) => event.defaultPrevented || expectReturn());
  // The browser may have kept ticks from before.
  addEventListener("pageshow", update);
  update();

  onKeys({
    x: () => {
      const box = document.activeElement.closest?.(".card")?.querySelector(".pick input");
      if (!box) return false;
      box.checked = !box.checked;
      choose(box, false);
      return true;
    },
    Escape: () => {
      if (!mode?.checked && !boxes().some((box) => box.checked)) return false;
      form.reset();
      return true;
    },
  });
}
