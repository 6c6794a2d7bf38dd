// What the page tells people after the fact: a toast that is seen and read out, or words that are only read out.

const icon = (path) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = `<path d="${path}"/>`;
  return svg;
};

export const CHECK = "m5 12.5 4.5 4.5L19 7.5";
const WARNING = "M12 4 2.8 19.5h18.4L12 4Zm0 6v4.5m0 2.5v.01";

/** Shows `text` for a few seconds; errors stay longer, since they must be read. A notice (notice.js) stays beside it. */
export function toast(text, { error = false } = {}) {
  const region = document.getElementById("toasts");
  const item = document.createElement("div");
  item.className = "toast";
  const words = document.createElement("p");
  words.textContent = text;
  item.append(icon(error ? WARNING : CHECK), words);
  removeToasts();
  region.append(item);
  setTimeout(() => item.remove(), error ? 10000 : 5000);
}

/** Removes what is shown, but not a notice. */
export function removeToasts() {
  for (const toast of document.querySelectorAll("#toasts .toast:not([data-notice])")) toast.remove();
}

/** Reads `text` out without showing it. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  // An emptied region that is filled in the same task is not read again.
  setTimeout(() => { region.textContent = text; }, 50);
}

/** The words of an error answer (a page, or the block of one), else a plain sentence. */
export function errorText(status, html) {
  if (status === 401) return "You have been signed out. Log in again in another tab, then try once more.";
  const failure = new DOMParser().parseFromString(html || "", "text/html").querySelector(".failure .lead");
  return failure?.textContent.trim() || "That did not work. Nothing was changed. Try again in a moment.";
}
