// A photo's own blur, until the photo itself has come: its ThumbHash, drawn. Without it there is its average colour.
import { thumbHashToRGBA } from "../vendor/thumbhash-0.1.1.js";

customElements.define("photo-blur", class extends HTMLElement {
  connectedCallback() {
    const photo = this.parentElement.querySelector("img");
    if (photo?.complete && photo.naturalWidth) return;
    const hash = Uint8Array.from(atob(this.getAttribute("hash")), (letter) => letter.charCodeAt(0));
    const { w, h, rgba } = thumbHashToRGBA(hash);
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: w, height: h });
    canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
    this.replaceChildren(canvas);
    // A transparent photo would show it for ever.
    photo?.addEventListener("load", () => this.remove(), { once: true });
  }
});
