// Pictures that could not be loaded, because the connection was lost, are loaded when it is back.
import { lost, onBack } from "./connection.js";

const missed = new Set();

const isServed = (image) => image instanceof HTMLImageElement && image.src.startsWith(`${location.origin}/`);

/** What failed before this script ran counts too. */
function note(image) {
  if (!isServed(image)) return;
  missed.add(image);
  lost();
}

// These events do not bubble.
document.addEventListener("error", (event) => note(event.target), true);
document.addEventListener("load", (event) => missed.delete(event.target), true);
for (const image of document.images) if (image.complete && image.currentSrc && !image.naturalWidth) note(image);

onBack(() => {
  const again = [...missed].filter((image) => image.isConnected);
  missed.clear();
  for (const image of again) {
    // Assigned once more, it is fetched once more.
    if (image.srcset) image.srcset = image.srcset;
    image.src = image.src;
  }
});
