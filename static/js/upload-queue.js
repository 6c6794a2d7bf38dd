// Sends files one a request, three at a time, and says what happens by events:
// "add" {item} · "change" {item} · "progress" · "done" {item, cards} · "idle".
// An item's state: queued → sending → done (known: it was there before) | refused (the server will not have it, and said why) |
// failed (it did not get there, or the server could not keep it; lost: the connection or the server was away, and it is tried again
// when they are back, but not for ever). It keeps the hashtags that it is to have (wanted) until the server has given them to it
// (tagged), however often it is tried.
import { arrived, lost, onBack, TRIES } from "./connection.js";
import { errorText } from "./messages.js";

/** The server, or what stands before it, is away for a while. */
const AWAY = [0, 502, 503, 504];
/** The same, where it may have kept what was sent: nobody has heard its own answer. */
const UNHEARD = [0, 502, 504];
/** It could not keep the file, which is no fault of the file's: at another time it may. */
const NOT_NOW = [500, 507, ...AWAY];

const AT_ONCE = 3;

/** Whether it is tried again by itself when the server is back. */
export const comesAgain = (item) => item.lost && item.tries < TRIES;

export class Queue extends EventTarget {
  items = [];
  hashtags = ""; // of the lot that comes now
  lot = 0;
  #started = 0;
  #sent = 0; // bytes on their way since #started

  constructor({ url, maxBytes, maxMib }) {
    super();
    Object.assign(this, { url, maxBytes, maxMib });
    onBack(() => {
      const items = this.#with("failed").filter(comesAgain);
      for (const item of items) item.tries += 1;
      this.#sendAgain(items);
    });
  }

  #say(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
  #with(...states) { return this.items.filter((item) => states.includes(item.state)); }

  get busy() { return this.#with("queued", "sending").length > 0; }
  /** Something here would be lost with the page. */
  get unfinished() { return this.busy || this.items.some((item) => item.lost); }
  count(...states) { return this.#with(...states).length; }

  add(files) {
    for (const file of files) {
      const fresh = { state: "queued", reason: "", loaded: 0, lost: false, tries: 0, unheard: false, cards: [], known: false };
      const item = { file, lot: this.lot, wanted: this.hashtags, tagged: "", ...fresh };
      this.items.push(item);
      this.#say("add", { item });
      if (file.size > this.maxBytes) this.#set(item, "refused", `This file is larger than ${this.maxMib} MB.`);
    }
    this.#pump();
  }

  /** What the server refused may be mended by now, too. */
  retry(item) {
    this.retryAll((other) => other === item);
  }

  /** Somebody tries those again that did not get there. */
  retryAll(which = (item) => item.state === "failed") {
    const items = this.#with("failed", "refused").filter(which);
    for (const item of items) item.tries = 0;
    this.#sendAgain(items);
  }

  #sendAgain(items) {
    if (!items.length) return;
    for (const item of items) {
      Object.assign(item, { loaded: 0, lost: false });
      this.#set(item, "queued");
    }
    this.#pump();
  }

  dismiss(item) {
    const wasSending = item.state === "sending";
    this.items = this.items.filter((other) => other !== item);
    item.request?.abort();
    if (wasSending || item.state === "queued") this.#pump();
  }

  /** How far all of it is: bytes, speed, seconds left. */
  progress() {
    const counted = this.#with("queued", "sending", "done", "failed");
    const total = counted.reduce((sum, { file }) => sum + file.size, 0);
    const loaded = counted.reduce((sum, item) => sum + (item.state === "done" ? item.file.size : item.loaded), 0);
    const seconds = (performance.now() - this.#started) / 1000;
    const speed = seconds > 0.5 ? this.#sent / seconds : 0;
    return { total, loaded, speed, left: speed ? (total - loaded) / speed : null };
  }

  #set(item, state, reason = "") {
    Object.assign(item, { state, reason });
    this.#say("change", { item });
  }

  #pump() {
    while (this.count("sending") < AT_ONCE) {
      const item = this.items.find(({ state }) => state === "queued");
      if (!item) break;
      if (!this.count("sending")) { this.#started = performance.now(); this.#sent = 0; }
      this.#send(item);
    }
    if (!this.busy) this.#say("idle");
  }

  #send(item) {
    const request = new XMLHttpRequest(); // fetch cannot tell how much has been sent
    item.request = request;
    const hashtags = item.wanted;
    const body = new FormData();
    body.append("hashtags", hashtags); // first, so that the server knows them when the file begins
    body.append("file", item.file, item.file.name);
    request.upload.addEventListener("progress", (event) => {
      // The form around the file is counted too: never more than the file has. Nor less than before: where a connection that
      // was kept open breaks, browsers begin anew by themselves.
      const loaded = Math.max(item.loaded, Math.min(event.loaded, item.file.size));
      this.#sent += loaded - item.loaded;
      item.loaded = loaded;
      this.#say("progress", { item });
    });
    request.addEventListener("load", () => this.#answer(item, request, hashtags));
    request.addEventListener("error", () => this.#fail(item, item.tries < TRIES
      ? "The connection was lost. This is sent again when it is back."
      : "The connection was lost each time. This is not sent again by itself.", 0));
    request.addEventListener("timeout", () => this.#fail(item, "This took too long. It is tried again.", 0));
    request.open("POST", this.url);
    request.setRequestHeader("HX-Request", "true");
    request.send(body);
    this.#set(item, "sending");
  }

  #fail(item, reason, status) {
    // Of what nothing went out, nothing was kept.
    const unheard = item.unheard || (UNHEARD.includes(status) && item.loaded > 0);
    Object.assign(item, { loaded: 0, lost: AWAY.includes(status), unheard });
    this.#set(item, "failed", reason);
    if (comesAgain(item)) lost();
    this.#pump();
  }

  #answer(item, request, hashtags) {
    const { status } = request;
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const answer = page.querySelector(".uploaded");
    const cards = [...answer?.querySelectorAll(".card") ?? []].map((card) => document.importNode(card, true));
    const refusal = answer?.querySelector(".refusal")?.textContent.trim();
    if (cards.length) return this.#done(item, cards, hashtags);
    if (status === 401 || page.querySelector("input[type=password]")) return this.#fail(item, errorText(401), 401);
    if (!refusal || NOT_NOW.includes(status)) return this.#fail(item, refusal || errorText(status, request.responseText), status);
    this.#set(item, "refused", refusal);
    this.#pump();
  }

  #done(item, cards, hashtags) {
    // What was sent before without an answer, and is here now, came with that: to people it is new.
    if (item.unheard) for (const card of cards) delete card.dataset.alreadyHere;
    Object.assign(item, { cards, tagged: hashtags, known: "alreadyHere" in cards[0].dataset, loaded: item.file.size });
    arrived();
    this.#set(item, "done");
    this.#say("done", { item, cards });
    this.#pump();
  }
}
