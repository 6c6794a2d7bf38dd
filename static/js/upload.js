// Uploads: where photos come from (drop anywhere, paste, the dialog's buttons, folders) and what becomes of them in the gallery.
// The queue does the sending, the tray shows it.
import { filesOf, holdsFiles, photosAmong } from "./upload-files.js";
import { Queue } from "./upload-queue.js";
import { Tray } from "./upload-tray.js";
import { toast } from "./messages.js";

const dialog = document.getElementById("upload");
const form = dialog.querySelector("[data-upload-form]");
const hashtags = document.getElementById("hashtags");
const chosen = document.getElementById("files");
const overlay = document.getElementById("drop-overlay");
const grid = document.getElementById("grid");

const queue = new Queue({ url: form.action, maxBytes: Number(form.dataset.uploadMib) * 1024 * 1024, maxMib: form.dataset.uploadMib });
const tray = new Tray(queue, { selectionUrl: document.getElementById("selection").getAttribute("action") });

/** Takes files in and starts at once; hashtags may follow while they are on their way. */
function take(files) {
  if (!files.length) return;
  if (dialog.open) dialog.close();
  if (!queue.busy) tray.begin();
  if (hashtags.value.trim()) tray.setHashtags(hashtags.value);
  hashtags.value = "";
  queue.add(files);
}

/** A folder holds all sorts of files: only its photos are meant. */
function takeFolder(files) {
  const photos = photosAmong(files, form.dataset.uploadExtensions.split(" "));
  const others = files.length - photos.length;
  if (!photos.length) toast("There are no photos in that folder.", { error: true });
  else if (others) toast(`${others === 1 ? "1 other file was" : `${others} other files were`} left out.`);
  take(photos);
}

// The dialog
function open() {
  if (dialog.open) dialog.close();
  dialog.showModal();
  chosen.focus();
}
for (const link of document.querySelectorAll("[data-upload]")) {
  link.addEventListener("click", (event) => { event.preventDefault(); open(); });
}
dialog.querySelector("[data-close]").addEventListener("click", (event) => { event.preventDefault(); dialog.close(); });
if (dialog.open) open();
if (location.hash === "#upload") {
  history.replaceState(history.state, "", location.pathname + location.search);
  open();
}
chosen.addEventListener("change", () => { take([...chosen.files]); chosen.value = ""; });
const folder = document.getElementById("folder");
folder.addEventListener("change", () => { takeFolder([...folder.files]); folder.value = ""; });
dialog.querySelector("[data-folder]").addEventListener("click", () => folder.click());

// Drop anywhere
const setOverlay = (shown) => { overlay.hidden = !shown; };
addEventListener("dragenter", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  setOverlay(true);
});
addEventListener("dragover", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "copy";
  setOverlay(true);
});
addEventListener("dragleave", (event) => { if (!event.relatedTarget) setOverlay(false); });
addEventListener("drop", async (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  setOverlay(false);
  const { files, fromFolders } = await filesOf(event.dataTransfer);
  if (fromFolders) takeFolder(files);
  else take(files);
});

// Paste
let pasted = 0;
/** A copied picture has no name of its own. No date either: the server takes one in a name for the day the photo was taken. */
function named(file) {
  if (file.name !== "image.png") return file;
  pasted += 1;
  return new File([file], pasted === 1 ? "Pasted picture.png" : `Pasted picture ${pasted}.png`, { type: file.type });
}
addEventListener("paste", (event) => {
  const files = [...event.clipboardData?.files ?? []];
  if (!files.length) return;
  event.preventDefault();
  take(files.map(named));
});

addEventListener("beforeunload", (event) => { if (queue.unfinished) event.preventDefault(); });

// Seen by whoever drives the page from outside: from now on a drop is taken.
form.dataset.ready = "";

// New photos appear in place, at the top, when they belong to what is shown.
const filters = [...document.querySelectorAll(".filters [data-filter]")].map((link) => link.dataset.filter);
let others = 0;

queue.addEventListener("done", ({ detail: { cards } }) => {
  for (const card of cards) {
    // The same file again: it may carry more hashtags now.
    const there = document.getElementById(card.id);
    if (there) { there.replaceWith(card); continue; }
    if ("alreadyHere" in card.dataset) continue;
    const names = card.dataset.hashtags.split(" ");
    if (filters.every((name) => names.includes(name))) show(card);
    else others += 1;
  }
});
queue.addEventListener("idle", () => {
  if (others) toast(`${others === 1 ? "1 photo is" : `${others} photos are`} not shown here: the filter does not match.`);
  others = 0;
});

function show(card) {
  document.querySelector("[data-empty]")?.remove();
  let heading = grid.querySelector("[data-just-added]");
  if (!heading) {
    heading = document.createElement("h2");
    heading.className = "month";
    heading.dataset.justAdded = "";
    heading.textContent = "Just added";
    const fill = document.createElement("span");
    fill.className = "fill";
    fill.dataset.justAdded = "end";
    grid.prepend(heading, fill);
  }
  card.classList.add("new");
  grid.querySelector("[data-just-added=end]").before(card);
}
