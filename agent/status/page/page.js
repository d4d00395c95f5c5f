// Keeps the page up to date. The server renders the parts; this puts what has changed of them into the document, and
// leaves alone what has not: focus, selection and pictures stay.
"use strict";

const connection = document.getElementById("connection");
let stream = null, silence = 0;

function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
  const before = [...old.childNodes], after = [...fresh.childNodes];
  after.forEach((node, i) => (i < before.length ? morph(before[i], node) : old.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
}

function show(parts) {
  for (const [name, html] of Object.entries(parts)) {
    const part = document.querySelector(`[data-part="${name}"]`);
    if (!part) continue;
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    morphChildren(part, fresh.content);
  }
  const titled = document.querySelector("[data-title]");
  if (titled) document.title = titled.dataset.title;
}

// say tells that what is shown may be over; nothing to say means that it is not.
function say(text) {
  document.documentElement.classList.toggle("stale", text !== "");
  if (connection.textContent !== text) connection.textContent = text;
}

function lost() {
  const seen = document.querySelector("[data-part=foot] time");
  say(`The agent does not answer. This is how it was at ${seen ? seen.textContent : "some time before"}.`);
}

function listen() {
  if (stream || document.hidden) return;
  watch();
  stream = new EventSource("/events");
  stream.addEventListener("hello", (event) => {
    if (event.data !== document.documentElement.dataset.build) location.reload(); // another version answers now
  });
  stream.addEventListener("parts", (event) => {
    watch();
    show(JSON.parse(event.data));
    say("");
  });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) {
      lost(); // the browser tries again by itself
      return;
    }
    hush();
    setTimeout(again, 5000);
  });
}

// again is for a page that was refused: too many are kept up to date already. It reloads, as one without a script does.
async function again() {
  try {
    if ((await fetch("/", { method: "HEAD" })).ok) {
      location.reload();
      return;
    }
  } catch { /* nobody answers at all */ }
  lost();
  setTimeout(listen, 5000);
}

// watch waits for what comes every second; a connection can die without a word.
function watch() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    lost();
    hush();
    listen();
  }, 20000);
}

function hush() {
  clearTimeout(silence);
  if (stream) stream.close();
  stream = null;
}

// A page that nobody looks at takes no place from one that somebody does.
document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));
addEventListener("pagehide", hush);
addEventListener("pageshow", () => { if (!document.hidden) listen(); });
