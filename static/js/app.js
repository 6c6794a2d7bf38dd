// On every page. What one page alone needs, that page loads itself.
import "./blur.js";
import "./theme.js";
import "./keys.js";
import "./forms.js";
import "./hashtags.js";
import "./notice.js";
import "./pictures.js";
import { announce, errorText, removeToasts, toast } from "./messages.js";

// What a swapped-in fragment has to say is said by the region that was there before: only that one is reliably read out. It is
// seen wherever one has scrolled, where the fragment says what was saved.
document.addEventListener("htmx:after:swap", (event) => {
  const { id } = event.detail.ctx.target ?? {};
  const { announce: words, toast: saved } = (id && document.getElementById(id)?.dataset) || {};
  if (saved) toast(saved);
  else if (words) announce(words);
});

// Errors are not swapped in (see htmx-config): what was typed stays, and a message says what happened. A form that comes back
// says itself what is wrong with it, and nothing beside it may say that an earlier one was saved.
document.addEventListener("htmx:response:error", (event) => {
  const { response, text } = event.detail.ctx;
  if ([409, 422].includes(response.status)) removeToasts();
  else toast(errorText(response.status, text), { error: true });
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx) toast("No connection. Nothing was lost: try again in a moment.", { error: true });
});
