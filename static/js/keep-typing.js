// The details save themselves when a field is left, and come back as a fresh fragment. What was typed into the next field
// in the meantime must not be lost to it: it is carried over, with the caret, and saved when that field is left.

const sent = new Map();
let carried = [];

const fields = (root) => root.querySelectorAll("#details-form input:not([type=radio])");

document.addEventListener("htmx:before:request", (event) => {
  if (event.target.id !== "details-form") return;
  sent.clear();
  for (const field of fields(document)) sent.set(field.id, field.value);
});

document.addEventListener("htmx:before:swap", () => {
  carried = [...fields(document)]
    .filter((field) => sent.has(field.id) && sent.get(field.id) !== field.value)
    .map(({ id, value, selectionStart, selectionEnd }) => ({ id, value, selectionStart, selectionEnd }));
});

document.addEventListener("htmx:after:swap", () => {
  for (const { id, value, selectionStart, selectionEnd } of carried) {
    const field = document.getElementById(id);
    if (!field) continue;
    field.value = value;
    if (document.activeElement === field) field.setSelectionRange(selectionStart, selectionEnd);
    // The browser does not call this a change of its own.
    field.addEventListener("blur", () => field.dispatchEvent(new Event("change", { bubbles: true })), { once: true });
  }
  carried = [];
});
