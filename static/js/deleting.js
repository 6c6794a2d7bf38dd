// Deleting selected photos in place: their cards leave the page, and come back to where they were when it is undone.
import { arrived, lost, onBack, TRIES } from "./connection.js";
import { errorText, toast } from "./messages.js";
import { noticeIn, showNotice, showWritten } from "./notice.js";
import { refresh } from "./place.js";
import { expectReturn } from "./visit.js";

const grid = document.getElementById("grid");
const form = document.getElementById("selection");
const gone = new Map(); // where a deletion is undone → its cards, each with what stands in its place
const doubted = new Set(); // ids of photos that may be deleted or not: the answer was lost
let looks = 0;
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

/** The request may have got there all the same. The gallery shows that, when it can be fetched again. */
function doubt(cards) {
  for (const card of cards) doubted.add(card.dataset.id);
  looks = 0;
  lost();
  const what = cards.length === 1 ? "this photo was" : "these photos were";
  toast(`No connection. It is not known whether ${what} deleted: this page shows it when the connection is back.`, { error: true });
}

/** Shows the gallery as it is, and what the page says of a deletion, with the way to undo it. False when it cannot be fetched. */
async function look() {
  const chosen = new Set([...grid.querySelectorAll(".pick :checked")].map((box) => box.value));
  if (!await refresh()) return false;
  const page = await fetch(location.pathname + location.search);
  if (!page.ok) return false;
  const notice = noticeIn(await page.text());
  const boxes = [...grid.querySelectorAll(".pick input")];
  const there = boxes.filter((box) => doubted.has(box.value)).length;
  if (there === doubted.size) {
    for (const box of boxes) box.checked = chosen.has(box.value);
    toast("Nothing was deleted. Try again.", { error: true });
  } else form.reset();
  doubted.clear();
  if (!grid.querySelector(".card, .more")) location.reload();
  else if (notice) showWritten(notice);
  return true;
}

async function remove(cards, body) {
  const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { "HX-Request": "true" } });
  const text = await answer.text();
  if (!answer.ok) toast(errorText(answer.status, text), { error: true });
  if (answer.status === 404) {
    // They are gone: from another tab, or by this very request, which a browser sends again by itself where a connection
    // that was kept open breaks.
    for (const card of cards) doubted.add(card.dataset.id);
    if (!await look()) lost();
    return;
  }
  if (!answer.ok) return;
  for (const card of cards) doubted.delete(card.dataset.id);
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
    doubt(cards);
  } finally {
    busy = false;
    grid.removeAttribute("aria-busy");
  }
});

onBack(async () => {
  if (!doubted.size) return;
  if (busy) return lost();
  busy = true;
  looks += 1;
  const seen = await look().catch(() => false);
  busy = false;
  if (seen) arrived();
  else if (looks < TRIES) lost();
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
