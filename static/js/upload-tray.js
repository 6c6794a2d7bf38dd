// The tray: what is under way, file by file, and hashtags for all of it, at any time.
import { arrived, lost, onBack, TRIES } from "./connection.js";
import { announce, errorText, toast } from "./messages.js";
import { comesAgain } from "./upload-queue.js";

const KEPT = "Your hashtags are kept, and added as soon as the server takes them.";
const LEFT = "Your hashtags are kept, and added when you try again.";

const element = document.getElementById("tray");
const part = (name) => element.querySelector(`[data-tray-${name}]`);
const photos = (n) => (n === 1 ? "1 photo" : `${n} photos`);

const size = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} KB`);
const time = (seconds) => (seconds < 60 ? `${Math.max(1, Math.round(seconds))} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`);

export class Tray {
  #rows = new Map();
  #drawn = 0;
  #tries = 0; // how often hashtags were tried again by themselves

  constructor(queue, { selectionUrl }) {
    Object.assign(this, { queue, selectionUrl });
    queue.addEventListener("add", ({ detail }) => this.#add(detail.item));
    queue.addEventListener("change", ({ detail }) => this.#change(detail.item));
    queue.addEventListener("progress", ({ detail }) => this.#progress(detail.item));
    queue.addEventListener("done", () => this.#tagLate());
    queue.addEventListener("idle", () => this.#idle());
    onBack(() => this.#tagAgain());
    part("retry").addEventListener("click", () => { this.#tries = 0; queue.retryAll(); this.#tagLate(); });
    part("fold").addEventListener("click", () => this.#fold(part("fold").getAttribute("aria-expanded") === "true"));
    part("close").addEventListener("click", () => this.#close());
    part("hashtags").addEventListener("submit", (event) => { event.preventDefault(); this.#apply(); });
    part("hashtags").addEventListener("change", () => this.#apply());
  }

  /** A new lot: what is done leaves the list, what was refused or did not get there stays, with the hashtags it is to have. */
  begin() {
    for (const item of this.queue.items.filter((item) => item.state === "done" && !isLate(item))) this.#dismiss(item);
    this.queue.lot += 1;
    this.setHashtags("");
    part("tagged").textContent = "";
    this.#fold(false);
  }

  /** Hashtags of the files that are added from here on. */
  setHashtags(text) {
    this.queue.hashtags = text.trim();
    document.getElementById("tray-hashtags").value = text.trim();
  }

  #add(item) {
    const row = document.getElementById("tray-item").content.firstElementChild.cloneNode(true);
    row.querySelector(".name").textContent = item.file.name;
    const [retry, dismiss] = [row.querySelector(".retry"), row.querySelector(".dismiss")];
    retry.querySelector("span").textContent = `Try ${item.file.name} again`;
    dismiss.querySelector("span").textContent = `Remove ${item.file.name} from the list`;
    retry.addEventListener("click", () => this.queue.retry(item));
    dismiss.addEventListener("click", () => this.#dismiss(item));
    this.#thumb(row, item);
    this.#rows.set(item, row);
    part("list").append(row);
    element.hidden = false;
    this.#summary();
  }

  #thumb(row, item) {
    if (!item.file.type.startsWith("image/") || item.file.size > 40e6) return;
    item.preview = URL.createObjectURL(item.file);
    this.#picture(row, item.preview);
  }

  #picture(row, url) {
    const image = new Image();
    image.alt = "";
    image.loading = "lazy"; // a folder of a thousand photos is not decoded at once
    image.decoding = "async";
    image.src = url;
    image.addEventListener("error", () => image.remove());
    row.querySelector(".thumb").replaceChildren(image);
  }

  #change(item) {
    const row = this.#rows.get(item);
    if (!row) return;
    row.dataset.state = item.state;
    const words = { queued: "Waiting", sending: "Sending", done: item.known ? "Already here. " : `Added · ${size(item.file.size)}`, refused: item.reason, failed: item.reason };
    row.querySelector(".state").textContent = words[item.state];
    if (item.state === "done" && item.known) row.querySelector(".state").append(linkTo(item.cards[0]));
    row.querySelector(".retry").hidden = !["refused", "failed"].includes(item.state);
    if (item.state === "done") {
      this.#picture(row, item.cards[0]?.querySelector("img")?.getAttribute("src"));
      if (item.preview) URL.revokeObjectURL(item.preview);
    }
    // Trouble comes first, so that it is seen without scrolling.
    if (["refused", "failed"].includes(item.state)) part("list").prepend(row);
    if (item.state === "failed" && item.wanted) this.#tagged();
    this.#summary();
  }

  #progress(item) {
    const bar = this.#rows.get(item)?.querySelector("progress");
    if (bar) bar.value = item.file.size ? item.loaded / item.file.size : 1;
    // Numbers that change faster than four times a second cannot be read.
    if (performance.now() - this.#drawn > 250) this.#summary();
  }

  #summary() {
    this.#drawn = performance.now();
    const { queue } = this;
    const [done, bad] = [queue.count("done"), queue.count("refused", "failed")];
    const known = queue.items.filter((item) => item.known).length;
    const all = queue.items.length - queue.count("refused");
    const { total, loaded, speed, left } = queue.progress();
    part("progress").value = total ? loaded / total : 0;
    part("progress").hidden = !queue.busy;
    part("close").hidden = queue.busy;
    part("retry").hidden = queue.busy || queue.count("failed") + queue.items.filter(isLate).length < 1;
    part("title").textContent = queue.busy ? `Uploading ${Math.min(done + 1, all)} of ${photos(all)}` : added(done - known, known);
    const pace = speed && left !== null ? `${size(speed)}/s · ${time(left)} left` : `${size(total)} in all`;
    const trouble = bad ? `${bad} could not be added` : "";
    part("detail").textContent = [queue.busy ? pace : size(loaded), trouble].filter(Boolean).join(" · ");
  }

  #idle() {
    if (!this.queue.items.length) return this.#close();
    this.#summary();
    const [done, bad] = [this.queue.count("done"), this.queue.count("refused", "failed")];
    const known = this.queue.items.filter((item) => item.known).length;
    announce(`${added(done - known, known)}${bad ? `, ${bad} could not be added` : ""}`);
  }

  #dismiss(item) {
    const row = this.#rows.get(item);
    const next = row?.nextElementSibling?.querySelector(".dismiss");
    const held = row?.contains(document.activeElement);
    if (item.preview) URL.revokeObjectURL(item.preview);
    row?.remove();
    this.#rows.delete(item);
    this.queue.dismiss(item);
    if (!this.queue.items.length) return this.#close();
    if (held) (next ?? part("fold")).focus();
    this.#summary();
  }

  #fold(folded) {
    document.getElementById("tray-body").hidden = folded;
    part("fold").setAttribute("aria-expanded", String(!folded));
    part("fold").querySelector("span").textContent = folded ? "Show the list" : "Hide the list";
  }

  #close() {
    element.hidden = true;
    for (const item of [...this.queue.items]) { this.#rows.get(item)?.remove(); this.#rows.delete(item); }
    this.queue.items = [];
    this.setHashtags("");
  }

  // Hashtags: files that are still to be sent get them with their upload, those that are there already get them now. Whatever
  // fails, each file keeps what it is to have.
  #apply() {
    const text = document.getElementById("tray-hashtags").value.trim();
    if (text === this.queue.hashtags && !this.queue.items.some(isLate)) return;
    this.queue.hashtags = text;
    for (const item of this.queue.items) if (item.lot === this.queue.lot) item.wanted = text || item.tagged;
    this.#tries = 0;
    if (text) this.#tagLate();
  }

  #tagAgain() {
    if (this.tagging || this.#tries >= TRIES || !this.queue.items.some(isLate)) return;
    this.#tries += 1;
    this.#tagLate();
  }

  async #tagLate() {
    if (this.tagging) return;
    this.tagging = true;
    try {
      for (let late; (late = this.queue.items.filter(isLate)).length;) {
        const text = late[0].wanted;
        if (!await this.#tag(late.filter((item) => item.wanted === text), text)) return;
      }
      this.#tagged();
    } catch ({ after }) {
      const again = this.#tries < TRIES;
      if (again) lost(after);
      this.#say(again ? KEPT : LEFT);
    } finally {
      this.tagging = false;
      this.#summary();
    }
  }

  /** False when the server will not have them; an error when it may at another time. */
  async #tag(items, text) {
    const cards = items.flatMap((item) => item.cards);
    const body = new URLSearchParams(cards.map((card) => ["photo", card.dataset.id]));
    body.append("action", "hashtags");
    body.append("add", text);
    const answer = await fetch(this.selectionUrl, { method: "POST", body, headers: { "HX-Request": "true" } });
    if (answer.status === 429 || answer.status >= 500) {
      throw Object.assign(new Error(String(answer.status)), { after: Number(answer.headers.get("Retry-After")) || 0 });
    }
    if (!answer.ok) {
      toast(errorText(answer.status, await answer.text()), { error: true });
      // To be corrected, or added once more after logging in.
      if (answer.status !== 401) for (const item of items) item.wanted = item.tagged;
      this.queue.hashtags = "";
      this.#say("");
      return false;
    }
    this.#tries = 0;
    arrived();
    for (const item of items) item.tagged = text;
    for (const card of cards) label(card, text);
    return true;
  }

  #tagged() {
    const lot = this.queue.items.filter((item) => item.lot === this.queue.lot && item.wanted);
    const failed = lot.filter((item) => item.state === "failed");
    if (failed.length) return this.#say(failed.some(comesAgain) ? KEPT : LEFT);
    this.#say(lot.length ? "These photos get your hashtags." : "");
  }

  #say(words) {
    if (part("tagged").textContent === words) return;
    part("tagged").textContent = words;
    if (words) announce(words);
  }
}

/** It is there, and its hashtags are not. */
const isLate = (item) => item.state === "done" && Boolean(item.wanted) && item.tagged !== item.wanted;

const added = (now, known) => [
  now || !known ? (now ? `${photos(now)} added` : "Nothing was added") : "",
  known ? `${now ? known : photos(known)} already here` : "",
].filter(Boolean).join(", ");

function linkTo(card) {
  const link = document.createElement("a");
  link.href = card.querySelector(".card-link").getAttribute("href");
  link.textContent = "Show it";
  return link;
}

/** Shows new hashtags on a card that is there already, as the next visit will. */
function label(card, text) {
  const added = text.toLowerCase().split(/[\s,#]+/).filter(Boolean);
  const names = [...new Set([...card.dataset.hashtags.split(" ").filter(Boolean), ...added])];
  card.dataset.hashtags = names.join(" ");
  let caption = card.querySelector(".caption");
  if (!caption) {
    caption = document.createElement("p");
    caption.className = "caption";
    caption.setAttribute("aria-hidden", "true");
    card.querySelector(".card-link").after(caption);
  }
  const line = caption.querySelector("span") ?? caption.appendChild(document.createElement("span"));
  line.textContent = names.map((name) => `#${name}`).join(" ");
}
