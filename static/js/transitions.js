// From page to page: the photo grows out of its card in the gallery, and goes back there. The fading itself is CSS (motion.css).
// A plain script in the head, not a module: it must be there before the new page is first drawn.

(() => {
  const idOf = (url) => (url ? new URL(url).pathname.split("/").pop() : "");
  const imageOf = (id) => id && document.querySelector(`#photo-${CSS.escape(id)} img`);
  const name = (image, text) => { if (image) image.style.viewTransitionName = text; };

  addEventListener("pageswap", (event) => {
    if (event.viewTransition) name(imageOf(idOf(event.activation?.entry?.url)), "photo");
  });
  addEventListener("pagereveal", async (event) => {
    const image = event.viewTransition && imageOf(idOf(navigation.activation?.from?.url));
    name(image, "photo");
    await event.viewTransition?.finished.catch(() => {});
    for (const named of document.querySelectorAll(".card img[style]")) name(named, "");
  });
  // A transition that the browser gives up (the new page came too slowly) is no error.
  addEventListener("unhandledrejection", (event) => {
    if (/transition/i.test(event.reason?.message)) event.preventDefault();
  });
})();
