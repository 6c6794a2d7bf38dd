// The photo page: neighbours by arrow key and swipe (fetched ahead), the link copied in one click, details shown or hidden.
import { copy } from "./copy.js";
import { onKeys } from "./keys.js";
import { expectReturn, rememberPhoto } from "./visit.js";

const stage = document.querySelector(".stage");
const back = document.querySelector("[data-back]");
const neighbour = (which) => stage.querySelector(`.neighbour.${which}`);
const rightToLeft = () => getComputedStyle(stage).direction === "rtl";

rememberPhoto(document.querySelector("[data-photo]").dataset.photo);

// Neighbours, older first: most people walk that way. Once this photo is there, so as not to slow it.
function fetchAhead() {
  for (const link of [neighbour("next"), neighbour("previous")]) {
    if (link) new Image().src = link.dataset.image;
  }
}
const shown = document.getElementById("photo");
if (shown.complete) fetchAhead();
else shown.addEventListener("load", fetchAhead, { once: true });

const goBack = () => { expectReturn(back.getAttribute("href")); location.href = back.href; };
back.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  goBack();
});
document.querySelector("[data-delete]").form.addEventListener("submit", () => expectReturn(back.getAttribute("href")));

const walk = (which) => neighbour(which)?.click();
onKeys({
  ArrowLeft: () => walk(rightToLeft() ? "next" : "previous"),
  ArrowRight: () => walk(rightToLeft() ? "previous" : "next"),
  Escape: () => { if (document.querySelector(":popover-open")) return false; goBack(); return true; },
  c: share,
  i: toggleDetails,
});

// Swipe: the photo follows the finger, and lets go of it beyond a sixth of the width. Zoomed in, a finger only pans.
let from = null;
stage.addEventListener("pointerdown", (event) => {
  if (event.pointerType === "touch" && event.isPrimary && (visualViewport?.scale ?? 1) <= 1.01) from = event.clientX;
});
stage.addEventListener("pointermove", (event) => {
  if (from !== null && event.isPrimary) shown.style.translate = `${event.clientX - from}px`;
});
for (const kind of ["pointerup", "pointercancel"]) {
  stage.addEventListener(kind, (event) => {
    if (from === null || !event.isPrimary) return;
    const way = event.clientX - from;
    from = null;
    const link = kind === "pointerup" && Math.abs(way) > stage.clientWidth / 6
      && neighbour((way < 0) !== rightToLeft() ? "next" : "previous");
    if (link) link.click();
    else shown.style.translate = "";
  });
}

// The answer to a save is merged into the panel. What was typed or chosen since that save was sent must survive it, or a
// slow network would eat it; with what the page said when it was typed, so that the server sees what was changed meanwhile.
const unsaved = new Map(); // a field's name → what is in it, and what it was
const fields = () => document.getElementById("details-form").elements;
let sent = null;
for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const { name, value } = event.target;
    if (!event.target.matches("#details-form input:not([type=hidden])")) return;
    unsaved.set(name, { value, was: unsaved.get(name)?.was ?? fields()[`was_${name}`].value });
  });
}
document.addEventListener("htmx:before:request", (event) => {
  if (event.target.id !== "details-form") return;
  // It may have waited for another save, whose answer told what is stored by now.
  sent = event.detail.ctx.request.body;
  for (const [name, value] of new FormData(event.target)) sent.set(name, value);
  for (const [name, { value }] of unsaved) if (sent.get(name) === value) unsaved.delete(name);
});

function keepUnsaved(saved) {
  for (const [name, field] of unsaved) {
    const was = fields()[`was_${name}`];
    // Either this save has put the new value there itself, or it is still the change of an older one.
    if (saved && sent.get(name) !== sent.get(`was_${name}`)) field.was = was.value;
    else was.value = field.was;
    fields()[name].value = field.value;
  }
}

// One click copies the link. A photo that nobody else may see gets its link first: the button there says so. It does by
// the form above what its choice there would do: two forms could overtake each other, and an older answer be shown last.
let copyNext = false;
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-share-form]")) return;
  event.preventDefault();
  copyNext = true;
  const link = document.getElementById("visibility-link");
  link.checked = true;
  for (const kind of ["input", "change"]) link.dispatchEvent(new Event(kind, { bubbles: true }));
});
document.addEventListener("htmx:after:swap", (event) => {
  // The answer is merged into the panel, so that what is being typed stays; what was clicked must follow it, though.
  for (const radio of document.querySelectorAll("#details [type=radio]")) radio.checked = radio.defaultChecked;
  const { status } = event.detail.ctx.response ?? {};
  // What was changed meanwhile is shown as it is, also in the field one is in.
  if (status === 409) for (const field of fields()) if (field.matches("[aria-invalid]")) field.value = field.defaultValue;
  keepUnsaved(status === 200);
  const button = document.querySelector("[data-copy-link]");
  document.querySelector("[data-share] span").textContent = button ? "Copy link" : "Share";
  if (copyNext && button) copy(button);
  // An answer to an earlier save has no button yet.
  if (button || status >= 400) copyNext = false;
});

function share() {
  const button = document.querySelector("[data-copy-link]");
  if (button) return copy(button);
  showDetails(true);
  const create = document.querySelector("[data-share-form] button");
  create.scrollIntoView({ block: "center" });
  create.focus();
}
document.querySelector("[data-share]").addEventListener("click", (event) => { event.preventDefault(); share(); });

// Wide windows: the details stand beside the photo, or not. Narrow ones: they lie beneath it, and the button goes there.
const HIDDEN = "details-hidden";
const toggle = document.querySelector("[data-toggle-details]");
const wide = matchMedia("(width >= 60rem)");

function showDetails(shown) {
  document.body.classList.toggle(HIDDEN, !shown);
  toggle.setAttribute("aria-expanded", String(shown));
  if (shown) localStorage.removeItem(HIDDEN);
  else localStorage.setItem(HIDDEN, "1");
}

function toggleDetails() {
  if (wide.matches) return showDetails(document.body.classList.contains(HIDDEN));
  const panel = document.getElementById("details");
  const beneath = panel.getBoundingClientRect().top > innerHeight / 2;
  scrollTo({ top: beneath ? panel.offsetTop - innerHeight / 4 : 0, behavior: "smooth" });
}
toggle.addEventListener("click", (event) => { event.preventDefault(); toggleDetails(); });
if (localStorage.getItem(HIDDEN)) showDetails(false);
