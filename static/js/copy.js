// Copying a text with one click, and saying so where one looks: in the button itself, and in a toast.
import { toast } from "./messages.js";

/** Also where the clipboard is closed to scripts: pages served without https, as in many a home. */
async function write(field) {
  if (navigator.clipboard) {
    try {
      return await navigator.clipboard.writeText(field.value ?? field.textContent);
    } catch { /* not allowed: the old way */ }
  }
  const focused = document.activeElement;
  field.focus({ preventScroll: true });
  select(field);
  const done = document.execCommand("copy");
  focused?.focus({ preventScroll: true });
  if (!done) throw new Error("not copied");
}

/** A field's text, or all that stands in another element. */
function select(field) {
  if (field.select) field.select();
  else getSelection().selectAllChildren(field);
}

export async function copy(button) {
  const field = document.querySelector(button.dataset.copy);
  const what = button.matches("[data-copy-link]") ? "Link" : field.labels?.[0]?.textContent ?? "Text";
  try {
    await write(field);
  } catch {
    field.focus();
    select(field);
    return toast("Your browser did not allow copying. The text is selected: copy it by hand.", { error: true });
  }
  const who = document.querySelector("[data-who]")?.textContent.split(".")[0];
  toast(who ? `${what} copied. ${who}.` : `${what} copied.`);
  const words = button.querySelector("span:not(.visually-hidden)") ?? button.firstChild;
  if (button.dataset.done) return;
  const before = words.textContent;
  button.dataset.done = "true";
  words.textContent = "Copied";
  setTimeout(() => { words.textContent = before; delete button.dataset.done; }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (button) copy(button);
});
