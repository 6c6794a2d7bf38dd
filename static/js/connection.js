// Knows when the server can be reached again, once something did not get there: by the browser's word, and by asking.

const LONGEST = 60_000;
const back = new EventTarget();
let timer = 0;
let wait = 0;

/** Something did not get to the server. */
export function lost() {
  if (timer) return;
  wait = Math.min(wait ? wait * 2 : 3000, LONGEST);
  timer = setTimeout(ask, wait);
}

/** Calls `job` each time the server can be reached again. */
export const onBack = (job) => back.addEventListener("back", job);

async function ask() {
  clearTimeout(timer);
  timer = 0;
  try {
    const answer = navigator.onLine && await fetch(document.body.dataset.healthUrl, { cache: "no-store" });
    if (answer?.ok) {
      wait = 0;
      return back.dispatchEvent(new Event("back"));
    }
  } catch { /* still away */ }
  lost();
}

addEventListener("online", ask);
document.addEventListener("visibilitychange", () => { if (timer && document.visibilityState === "visible") ask(); });
