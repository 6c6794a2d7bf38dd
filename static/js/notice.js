// What was just done, and the way to take it back. The server writes a notice into the page, or a script has one as the answer
// to what it did: here it floats over the page wherever one has scrolled, for as long as it can be undone.
import { onKeys } from "./keys.js";
import { errorText, toast } from "./messages.js";

const region = document.getElementById("toasts");
const MOST = 3;
const DISMISSED = "dismissed-notices"; // undone or put away in this tab: not to be shown by the next page
const dismissed = () => JSON.parse(sessionStorage.getItem(DISMISSED) ?? "[]");

function dismiss(notice) {
  const key = notice.dataset.notice;
  if (key) sessionStorage.setItem(DISMISSED, JSON.stringify([...dismissed(), key].slice(-20)));
  notice.remove();
}

function closeButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button";
  button.dataset.dismiss = "";
  button.innerHTML = '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="m6 6 12 12M18 6 6 18"/></svg><span class="visually-hidden">Close</span>';
  return button;
}

/** Shows a notice of the server. It is read out, as the region it comes into is a live one. */
export function showNotice(notice) {
  notice.removeAttribute("role");
  notice.classList.add("toast");
  notice.append(closeButton());
  for (const old of [...region.querySelectorAll("[data-notice]")].slice(0, 1 - MOST || undefined)) old.remove();
  for (const old of region.querySelectorAll(".toast:not([data-notice])")) old.remove();
  region.append(notice);
  setTimeout(() => notice.remove(), Number(notice.dataset.seconds) * 1000);
}

/** The notice in an answer, if there is one. */
export function noticeIn(html) {
  const notice = new DOMParser().parseFromString(html, "text/html").querySelector("[data-notice]");
  return notice && document.importNode(notice, true);
}

/** Shows a notice that was written into a page, unless it was undone or put away in this tab, or floats here already. */
export function showWritten(notice) {
  const key = notice.dataset.notice;
  const floats = key && [...region.querySelectorAll("[data-notice]")].some((other) => other.dataset.notice === key);
  if (floats || dismissed().includes(key)) notice.remove();
  else showNotice(notice);
}

async function undo(form) {
  const notice = form.closest("[data-notice]");
  if (notice.dataset.busy) return;
  notice.dataset.busy = "true";
  const action = form.getAttribute("action");
  try {
    const answer = await fetch(action, { method: "POST", body: new URLSearchParams(), headers: { "HX-Request": "true" } });
    if (answer.status === 404) {
      dismiss(notice);
      return toast("It is too late to undo this.", { error: true });
    }
    const text = await answer.text();
    if (!answer.ok) return toast(errorText(answer.status, text), { error: true });
    dismiss(notice);
    document.dispatchEvent(new CustomEvent("photos:back", { detail: { undo: action } }));
    showNotice(noticeIn(text));
  } catch {
    toast("No connection. Nothing was lost: try again in a moment.", { error: true });
  } finally {
    delete notice.dataset.busy;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-undo]");
  if (!form) return;
  event.preventDefault();
  undo(form);
});
region.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) dismiss(event.target.closest("[data-notice]"));
});
onKeys({
  z: () => {
    const form = [...region.querySelectorAll("[data-undo]")].at(-1);
    if (!form) return false;
    undo(form);
    return true;
  },
});

const written = document.querySelector("main > [data-notice]");
if (written) showWritten(written);
