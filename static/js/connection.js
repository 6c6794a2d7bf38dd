// Knows when the server can be reached again, once something did not get there: by the browser's word, and by asking. That it
// can says nothing of what was lost, which may fail again for a reason of its own: whoever tries again counts its tries, and the
// waits grow until something has arrived.

/** How often something is tried again by itself. */
export const TRIES = 3;

const FIRST = 3000;
const LONGEST = 60_000;
const LONGEST_PAUSE = 3600; // seconds
const back = new EventTarget();
let timer = 0;
let wait = 0;
let pausedUntil = 0; // the server asked to be left alone

/** Something did not get to the server, which may have said after how many seconds to come again. */
export function lost(after = 0) {
  pausedUntil = Math.max(pausedUntil, performance.now() + Math.min(after, LONGEST_PAUSE) * 1000);
  if (timer) return;
  wait = Math.min(wait ? wait * 2 : FIRST, LONGEST);
  timer = setTimeout(ask, wait);
}

/** Something that had been lost has arrived: the next wait is a short one again. */
export function arrived() {
  wait = 0;
}

/** Calls `job` each time the server can be reached again. */
export const onBack = (job) => back.addEventListener("back", job);

async function ask() {
  clearTimeout(timer);
  timer = 0;
  const pause = pausedUntil - performance.now();
  if (pause > 0) {
    timer = setTimeout(ask, pause);
    return;
  }
  try {
    const answer = navigator.onLine && await fetch(document.body.dataset.healthUrl, { cache: "no-store" });
    if (answer?.ok) return back.dispatchEvent(new Event("back"));
  } catch { /* still away */ }
  lost();
}

addEventListener("online", ask);
document.addEventListener("visibilitychange", () => { if (timer && document.visibilityState === "visible") ask(); });
