// Small comforts for plain forms: see the password, see that something is under way, no double submit.

for (const input of document.querySelectorAll("input[type=password]")) addReveal(input);

function addReveal(input) {
  const box = document.createElement("div");
  box.className = "password-box";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Show";
  button.setAttribute("aria-label", "Show password");
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.textContent = shown ? "Show" : "Hide";
    button.setAttribute("aria-pressed", String(!shown));
  });
  const focused = document.activeElement === input;
  input.replaceWith(box);
  box.append(input, button);
  if (focused) input.focus();
}

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (event.target.dataset.busy) return event.preventDefault();
  // After this task, so that the button's own name and value are still sent.
  setTimeout(() => {
    if (event.defaultPrevented) return;
    event.target.dataset.busy = "true";
    event.submitter?.setAttribute("aria-busy", "true");
  });
});

// What was typed and could not be saved, because the field was changed meanwhile: back into the field, to be saved now.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-use]");
  if (!button) return;
  const field = document.getElementById(button.dataset.use);
  field.value = button.parentElement.querySelector("[data-typed]").textContent;
  button.parentElement.remove();
  field.focus();
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
});

// Coming back by the browser's back button must find the form usable.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-busy]")) delete form.dataset.busy;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

document.addEventListener("htmx:after:swap", () => {
  for (const input of document.querySelectorAll("input[type=password]")) {
    if (!input.closest(".password-box")) addReveal(input);
  }
});
