// Keys for the whole site. They rest while somebody types, and can be switched off in the list of keys
// (single letters get in the way of speech input).

const OFF = "keys-off";
let pending = ""; // "g" of a two-key sequence

export const typing = (event) =>
  event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing
  || event.target.closest?.("input:not([type=checkbox], [type=radio], [type=file]), textarea, select, [contenteditable]") != null
  || document.querySelector("dialog:modal") != null;

export const enabled = () => localStorage.getItem(OFF) === null;

/** Calls `handlers[key]` for keys pressed outside fields. */
export function onKeys(handlers) {
  document.addEventListener("keydown", (event) => {
    if (!enabled() || typing(event)) return;
    const handler = handlers[event.key];
    if (handler && handler(event) !== false) event.preventDefault();
  });
}

function list() {
  const dialog = document.getElementById("keys");
  if (dialog && !dialog.open) {
    document.getElementById("menu")?.hidePopover?.();
    dialog.showModal();
  }
}

const go = (selector) => document.querySelector(selector)?.click();

onKeys({
  "/": () => document.getElementById("search")?.focus() ?? true,
  "u": () => go("[data-upload]"),
  "?": list,
  "g": () => { pending = "g"; setTimeout(() => { pending = ""; }, 1200); },
  "p": () => pending === "g" && go(".nav a[href$='/photos'], .brand"),
  "h": () => pending === "g" && go(".nav a[href$='/hashtags']"),
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches?.("#search") && !event.defaultPrevented) event.target.blur();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) list();
  // A click beside a dialog closes it, as people expect.
  if (event.target.matches("dialog:modal")) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside && event.detail > 0) event.target.close();
  }
});

const box = document.getElementById("keys-on");
if (box) {
  box.checked = enabled();
  // Not only the keys: also the list's own key, so the account menu leads here again.
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
}
