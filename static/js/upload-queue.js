// Sends files one a request, three at a time, and says what happens by events:
// "add" {item} · "change" {item} · "progress" · "done" {item, cards} · "idle".
// An item's state: queued → sending → done (known: it was there before) | refused (the server said why not) | failed (it did not get there).
import { errorText } from "./messages.js";

const AT_ONCE = 3;

export class Queue extends EventTarget {
  items = [];
  hashtags = "";
  #started = 0;
  #sent = 0; // bytes on their way since #started

  constructor({ url, maxBytes, maxMib }) {
    super();
    Object.assign(this, { url, maxBytes, maxMib });
  }

  #say(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
  #with(...states) { return this.items.filter((item) => states.includes(item.state)); }

  get busy() { return this.#with("queued", "sending").length > 0; }
  count(...states) { return this.#with(...states).length; }

  add(files) {
    for (const file of files) {
      const item = { file, state: "queued", reason: "", loaded: 0, hashtags: "", cards: [], known: false };
      this.items.push(item);
      this.#say("add", { item });
      if (file.size > this.maxBytes) this.#set(item, "refused", `This file is larger than ${this.maxMib} MB.`);
    }
    this.#pump();
  }

  retry(item) {
    item.loaded = 0;
    this.#set(item, "queued");
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
    item.hashtags = this.hashtags;
    const body = new FormData();
    body.append("hashtags", item.hashtags); // first, so that the server knows them when the file begins
    body.append("file", item.file, item.file.name);
    request.upload.addEventListener("progress", (event) => {
      // The form around the file is counted too: never more than the file has.
      const loaded = Math.min(event.loaded, item.file.size);
      this.#sent += Math.max(0, loaded - item.loaded);
      item.loaded = loaded;
      this.#say("progress", { item });
    });
    request.addEventListener("load", () => this.#answer(item, request));
    request.addEventListener("error", () => this.#fail(item, "The connection was lost. Try again."));
    request.addEventListener("timeout", () => this.#fail(item, "This took too long. Try again."));
    request.open("POST", this.url);
    request.setRequestHeader("HX-Request", "true");
    request.send(body);
    this.#set(item, "sending");
  }

  #fail(item, reason) {
    item.loaded = 0;
    this.#set(item, "failed", reason);
    this.#pump();
  }

  #answer(item, request) {
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const answer = page.querySelector(".uploaded");
    const cards = [...answer?.querySelectorAll(".card") ?? []].map((card) => document.importNode(card, true));
    const refusal = answer?.querySelector(".refusal");
    if (cards.length) {
      item.cards = cards;
      item.known = "alreadyHere" in cards[0].dataset;
      item.loaded = item.file.size;
      this.#set(item, "done");
      this.#say("done", { item, cards });
    } else if (refusal) {
      this.#set(item, "refused", refusal.textContent.trim());
    } else if (request.status === 401 || page.querySelector("input[type=password]")) {
      return this.#fail(item, errorText(401));
    } else {
      return this.#fail(item, errorText(request.status, request.responseText));
    }
    this.#pump();
  }
}
