// Trying calls from the page that describes them: as whoever is logged in here, or with a token that was pasted.
import "./copy.js";

const value = (form, place) => [...form.querySelectorAll(`[data-place="${place}"]`)];

/** The address of a call, with what was typed in its places. */
function address(form) {
  const filled = (path, input) => path.replace(`{${input.name}}`, encodeURIComponent(input.value.trim()));
  const path = value(form, "path").reduce(filled, form.dataset.path);
  const query = new URLSearchParams();
  for (const { name, value: typed } of value(form, "query")) if (typed) query.append(name, typed);
  return query.size ? `${path}?${query}` : path;
}

/** The body and its type; a browser names the type of a multipart form itself, as only it knows the boundary. */
function body(form) {
  const json = form.querySelector('[data-place="body"]');
  if (json) return json.value.trim() ? { body: json.value, type: "application/json" } : {};
  const bytes = form.querySelector('[data-place="bytes"]');
  if (bytes) return { body: bytes.files[0] };
  const parts = value(form, "form").filter((input) => (input.type === "file" ? input.files.length : input.value));
  if (form.dataset.type === "multipart/form-data") {
    const data = new FormData();
    for (const input of parts) data.append(input.name, input.type === "file" ? input.files[0] : input.value);
    return { body: data };
  }
  return parts.length ? { body: new URLSearchParams(parts.map((input) => [input.name, input.value])) } : {};
}

async function send(form) {
  const token = document.getElementById("token").value.trim();
  const headers = { accept: "application/json" };
  const sent = body(form);
  if (sent.type) headers["content-type"] = sent.type;
  if (token) headers.authorization = `Bearer ${token}`;
  const credentials = token ? "omit" : "same-origin";
  const begin = performance.now();
  const answer = await fetch(address(form), { method: form.dataset.method, headers, credentials, body: sent.body });
  const text = await answer.text();
  const took = `${Math.round(performance.now() - begin)} ms`;
  return { status: `${answer.status}${answer.statusText ? ` ${answer.statusText}` : ""} · ${took}`, text: readable(text) };
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text.slice(0, 20_000);
  }
}

function show(form, { status, text }) {
  const words = document.createElement("p");
  words.append(Object.assign(document.createElement("b"), { textContent: status }));
  const code = Object.assign(document.createElement("pre"), { className: "code", textContent: text, tabIndex: 0, dir: "ltr" });
  code.setAttribute("aria-label", "Answer");
  form.querySelector("[data-result]").replaceChildren(words, ...(text ? [code] : []));
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-try]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    show(form, await send(form));
  } catch {
    show(form, { status: "No answer: is the server there?", text: "" });
  } finally {
    button.disabled = false;
  }
});
