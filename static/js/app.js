// On every page. What one page alone needs, that page loads itself.
import "./blur.js";
import "./theme.js";
import "./keys.js";
import "./forms.js";
import "./hashtags.js";
import { announce, errorText, toast } from "./messages.js";

// What a swapped-in fragment has to say is said by the region that was there before: only that one is reliably read out.
document.addEventListener("htmx:after:swap", (event) => {
  const words = event.target.closest?.("[data-announce]")?.dataset.announce;
  if (words) announce(words);
});

// Errors are not swapped in (see htmx-config): what was typed stays, and a message says what happened.
document.addEventListener("htmx:response:error", (event) => {
  const { response, text } = event.detail.ctx;
  if (response.status !== 422) toast(errorText(response.status, text), { error: true });
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx) toast("No connection. Nothing was lost: try again in a moment.", { error: true });
});
