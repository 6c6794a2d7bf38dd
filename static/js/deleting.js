// Deleting selected photos in place: their cards leave the page, and come back to where they were when it is undone.
import { errorText, toast } from "./messages.js";
import { noticeIn, showNotice } from "./notice.js";
import { refresh } from "./place.js";
import { expectReturn } from "./visit.js";

const grid = document.getElementById("grid");
const form = document.getElementById("selection");
const gone = new Map(); // where a deletion is undone → its cards, each with what stands in its place
let busy = false;

/** A month without photos has no heading. */
function tidyMonths() {
  for (const month of grid.querySelectorAll(".month")) {
    let next = month.nextElementSibling;
    while (next && !next.matches(".card, .month, .more")) next = next.nextElementSibling;
    month.hidden = !next?.matches(".card");
  }
}

function takeOut(cards) {
  return cards.map((card) => {
    const mark = document.createComment("deleted");
    card.replaceWith(mark);
    card.querySelector(".pick input").checked = false;
    return { card, mark };
  });
}

/** The keyboard goes on with the photo that comes next. */
function focusBeside(cards) {
  let next = cards.at(-1);
  while (next && cards.includes(next)) next = next.nextElementSibling;
  while (next && !next.matches(".card")) next = next.nextElementSibling;
  return next ?? [...grid.querySelectorAll(".card")].findLast((card) => !cards.includes(card));
}

async function remove(cards, body) {
  const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { "HX-Request": "true" } });
  const text = await answer.text();
  if (!answer.ok) return toast(errorText(answer.status, text), { error: true });
  const notice = noticeIn(text);
  const next = focusBeside(cards);
  gone.set(notice.querySelector("[data-undo]").getAttribute("action"), takeOut(cards));
  form.reset();
  tidyMonths();
  // Nothing is left: the page that says so tells of the deletion too.
  if (!grid.querySelector(".card, .more")) return location.reload();
  showNotice(notice);
  next?.querySelector(".card-link").focus({ preventScroll: true });
}

form?.addEventListener("submit", async (event) => {
  if (event.submitter?.value !== "delete") return;
  event.preventDefault();
  const cards = [...grid.querySelectorAll(".card:has(.pick :checked)")];
  if (busy || !cards.length) return;
  busy = true;
  grid.setAttribute("aria-busy", "true");
  try {
    await remove(cards, new URLSearchParams(new FormData(form, event.submitter)));
  } catch {
    toast("No connection. Nothing was deleted: try again in a moment.", { error: true });
  } finally {
    busy = false;
    grid.removeAttribute("aria-busy");
  }
});

document.addEventListener("photos:back", async ({ detail: { undo } }) => {
  const cards = gone.get(undo);
  gone.delete(undo);
  if (cards?.every(({ mark }) => mark.isConnected)) {
    for (const { card, mark } of cards) mark.replaceWith(card);
    tidyMonths();
  } else if (document.querySelector("[data-empty]")) {
    // They were deleted before this page came, and it has no gallery.
    expectReturn();
    return location.reload();
  } else await refresh();
  const [, id] = undo.match(/([^/]+)\/restore$/) ?? [];
  document.querySelector(`#photo-${CSS.escape(id)} .card-link`)?.focus({ preventScroll: true });
});
