// Suggestions beneath every hashtag field (`data-suggest`), as an ARIA combobox. The field stays a plain text field:
// names are typed freely, arrows choose a suggestion, Enter or Tab takes it. `data-suggest="search"` submits at once.

const url = document.body.dataset.hashtagsUrl;
let input = null; // the field that is being helped
let list = null;
let request = null;
let timer = 0;
let count = 0;

/** The word that the caret stands in: what a suggestion would replace. */
function word() {
  const end = input.selectionStart ?? input.value.length;
  const start = input.value.slice(0, end).search(/[^\s,]*$/);
  const rest = input.value.slice(end).match(/^[^\s,]*/)[0].length;
  return { start, end: end + rest, text: input.value.slice(start, end).replace(/^#+/, "") };
}

const present = () => new Set(input.value.toLowerCase().split(/[\s,]+/).map((name) => name.replace(/^#+/, "")));

/** Also before each list: a fragment merged into the page takes these attributes away. */
function dress() {
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", String(list !== null));
}

async function ask() {
  const { text } = word();
  request?.abort();
  if (!text) return close();
  request = new AbortController();
  const field = input;
  try {
    const answer = await fetch(`${url}?q=${encodeURIComponent(text)}`, { headers: { "HX-Request": "true" }, signal: request.signal });
    if (answer.ok && field === input) show(await answer.text(), text);
  } catch { /* offline or overtaken by the next letter: no suggestions */ }
}

function show(html, text) {
  close();
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[role=listbox]");
  const taken = present();
  taken.delete(text.toLowerCase());
  for (const option of fresh?.querySelectorAll("[role=option]") ?? []) {
    if (taken.has(option.dataset.name) || option.dataset.name === text) option.remove();
    else option.id = `suggestion-${count++}`;
  }
  if (!fresh?.querySelector("[role=option]")) return;
  list = fresh;
  list.id = `suggestions-${count++}`;
  list.className = "suggestions";
  // In the top layer, yet within an open dialog, as everything outside of it is inert; and never within what htmx swaps, which
  // would write the place of the list into an attribute: that the policy of the page forbids.
  list.popover = "manual";
  (input.closest("dialog, .tray") ?? input.closest("header, main")).append(list);
  list.showPopover();
  place();
  dress();
  input.setAttribute("aria-controls", list.id);
  // Before the field loses its focus, which would close the list.
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[role=option]");
    event.preventDefault();
    if (option) take(option);
  });
}

function place() {
  const field = input.getBoundingClientRect();
  const box = list.getBoundingClientRect();
  const above = field.bottom + box.height + 8 > innerHeight && field.top > box.height + 8;
  const start = getComputedStyle(input).direction === "rtl" ? field.right - box.width : field.left;
  list.style.inset = "auto";
  list.style.margin = "0";
  list.style.position = "fixed";
  list.style.minWidth = `${Math.min(field.width, 352)}px`;
  list.style.left = `${Math.max(8, Math.min(start, innerWidth - box.width - 8))}px`;
  list.style.top = `${above ? field.top - box.height - 4 : field.bottom + 4}px`;
}

function close() {
  list?.remove();
  list = null;
  input?.setAttribute("aria-expanded", "false");
  input?.removeAttribute("aria-activedescendant");
  input?.removeAttribute("aria-controls");
}

function take(option) {
  const { start, end } = word();
  const search = input.dataset.suggest === "search";
  const name = search ? option.dataset.name : `#${option.dataset.name} `;
  input.setRangeText(name, start, end, "end");
  input.dispatchEvent(new Event("input", { bubbles: true }));
  clearTimeout(timer);
  close();
  if (search) input.form.requestSubmit();
}

function move(step) {
  const options = [...list.querySelectorAll("[role=option]")];
  const at = options.findIndex((option) => option.ariaSelected === "true");
  const next = at + step < -1 ? options.length - 1 : at + step >= options.length ? -1 : at + step;
  options.forEach((option, index) => option.setAttribute("aria-selected", String(index === next)));
  if (next >= 0) {
    input.setAttribute("aria-activedescendant", options[next].id);
    options[next].scrollIntoView({ block: "nearest" });
  } else input.removeAttribute("aria-activedescendant");
}

// By delegation: fields come and go with fragments.
document.addEventListener("focusin", (event) => {
  if (!url || !event.target.matches?.("[data-suggest]")) return;
  input = event.target;
  dress();
});
document.addEventListener("focusout", (event) => {
  if (event.target === input) { clearTimeout(timer); request?.abort(); close(); input = null; }
});
document.addEventListener("input", (event) => {
  if (event.target !== input || !input) return;
  clearTimeout(timer);
  timer = setTimeout(ask, 120);
});
document.addEventListener("keydown", (event) => {
  if (!list || event.target !== input || event.isComposing) return;
  const active = list.querySelector("[aria-selected=true]");
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Escape") close();
  else if ((event.key === "Enter" || event.key === "Tab") && active) take(active);
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
for (const moved of ["scroll", "resize"]) addEventListener(moved, () => list && place(), { capture: true, passive: true });
