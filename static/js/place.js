// Back in the gallery, people find the place they left: the further pages are fetched again and the page scrolls there.
// Kept for each URL in sessionStorage: how many pages were added below the first, and which card stood where.
import { isReturn, lastPhoto } from "./visit.js";

const grid = document.getElementById("grid");
const key = `place:${location.pathname}${location.search}`;
let added = 0;
let restoring = false;

function here() {
  const card = [...grid.querySelectorAll(".card")].find((card) => card.getBoundingClientRect().bottom > 60);
  return { pages: added, y: scrollY, card: card?.id, offset: card?.getBoundingClientRect().top };
}

function save() {
  if (!restoring) sessionStorage.setItem(key, JSON.stringify(here()));
}

/** Fetches once more what is shown, such as photos that are back. The place stays. False when the server does not give it. */
export async function refresh() {
  const place = here();
  const answer = await fetch(location.pathname + location.search, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return false;
  const page = document.createElement("template");
  page.innerHTML = await answer.text();
  grid.replaceChildren(page.content);
  added = 0;
  await restore(place);
  return true;
}

async function addPage() {
  const more = grid.querySelector(".more");
  if (!more) return false;
  const answer = await fetch(more.href, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return false;
  const page = document.createElement("template");
  page.innerHTML = await answer.text();
  more.replaceWith(page.content);
  added += 1;
  return true;
}

async function restore(place) {
  restoring = true;
  grid.setAttribute("aria-busy", "true");
  try {
    while (added < place.pages && await addPage());
  } catch { /* offline: what is there will do */ }
  grid.removeAttribute("aria-busy");
  restoring = false;
  const more = grid.querySelector(".more");
  if (more && globalThis.htmx) htmx.process(more, true);
  const card = place.card && place.y > 0 && document.getElementById(place.card);
  if (card) scrollBy({ top: card.getBoundingClientRect().top - place.offset, behavior: "instant" });
  else scrollTo({ top: place.y, behavior: "instant" });
}

/** Whoever wandered on from photo to photo comes back to the one seen last. */
function showLast(id) {
  const card = document.getElementById(`photo-${id}`);
  if (!card) return;
  const box = card.getBoundingClientRect();
  if (box.bottom < 80 || box.top > innerHeight - 40) card.scrollIntoView({ block: "center", behavior: "instant" });
  card.querySelector(".card-link").focus({ preventScroll: true });
}

// While we fetch pages ourselves, the link at the end must not do it too.
document.addEventListener("htmx:before:request", (event) => {
  if (restoring && event.target.matches?.(".more")) event.preventDefault();
});
// Only requests for more cards begin in the grid.
document.addEventListener("htmx:after:swap", (event) => {
  if (grid.contains(event.target) && event.detail.ctx.response?.status === 200) added += 1;
});

addEventListener("pagehide", save);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && save());
// Out of the browser's memory: the place is there, only the photo seen last may be another.
addEventListener("pageshow", (event) => event.persisted && showLast(lastPhoto()));

const visit = performance.getEntriesByType("navigation")[0]?.type;
const last = lastPhoto();
const asked = isReturn();
const place = JSON.parse(sessionStorage.getItem(key) ?? "null");
if (!location.hash && (asked || visit === "back_forward" || visit === "reload")) {
  if (place) {
    history.scrollRestoration = "manual";
    await restore(place);
  }
  if (last && visit !== "reload") showLast(last);
}
