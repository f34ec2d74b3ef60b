// Every page with work on it. htmx swaps the next one in (what is inside #page) without loading it whole; then this starts
// anew, and whatever listened for the page before it ends.

import { watchCase } from "./case.js";
import { announce, plainKey } from "./keyboard.js";
import { watchQueues } from "./queues.js";
import { watchUndo } from "./undo.js";

let page = new AbortController();

function start() {
  page.abort();
  page = new AbortController();
  watchUndo(page.signal);
  watchQueues(page.signal);
  if (document.querySelector("[data-decide]")) watchCase(page.signal);
}

// Enter is for the page's one main button.
document.addEventListener("keydown", (event) => {
  const button = document.querySelector("[data-enter]");
  const onControl = event.target.closest?.("a, button, input, summary");
  if (button && !onControl && plainKey(event) === "Enter") button.click();
});

// An answer from another address than was asked is another kind of page, the sign-in page say: it is loaded whole.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  const from = new URL(xhr.responseURL);
  if (from.pathname === new URL(pathInfo.finalRequestPath, location.href).pathname) return;
  event.detail.shouldSwap = false;
  location.assign(from);
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "page") return;
  scrollTo(0, 0);
  start();
  const said = [document.querySelector("[data-undo-words]"), document.querySelector("h1")];
  announce(said.map((each) => each?.textContent.trim().replace(/\s+/g, " ")).filter(Boolean).join(". "));
});

start();
