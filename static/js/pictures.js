// Pictures that could not be loaded, because the connection was lost, are loaded when it is back. One that still does not come
// then, such as that of a photo that is gone, is left alone after a few tries.
import { arrived, lost, onBack, TRIES } from "./connection.js";

const missed = new Set();
const tries = new WeakMap(); // a picture → how often it was fetched again

const isServed = (image) => image instanceof HTMLImageElement && image.src.startsWith(`${location.origin}/`);

/** What failed before this script ran counts too. */
function note(image) {
  if (!isServed(image) || tries.get(image) >= TRIES) return;
  missed.add(image);
  lost();
}

// These events do not bubble.
document.addEventListener("error", (event) => note(event.target), true);
document.addEventListener("load", ({ target }) => {
  missed.delete(target);
  if (tries.delete(target)) arrived();
}, true);
for (const image of document.images) if (image.complete && image.currentSrc && !image.naturalWidth) note(image);

onBack(() => {
  const again = [...missed].filter((image) => image.isConnected);
  missed.clear();
  for (const image of again) {
    tries.set(image, (tries.get(image) ?? 0) + 1);
    // Assigned once more, it is fetched once more.
    if (image.srcset) image.srcset = image.srcset;
    image.src = image.src;
  }
});
