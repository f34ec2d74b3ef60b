// The queues' numbers, read again now and then while somebody looks at the page; unchanged ones cost a 304.

import { announce } from "./keyboard.js";

const EVERY_MS = 20_000;

export function watchQueues() {
  let table = document.querySelector("[data-queues]");
  if (!table) return;
  let last = Date.now();

  async function look() {
    if (document.visibilityState !== "visible" || Date.now() - last < EVERY_MS) return;
    last = Date.now();
    let response;
    try {
      response = await fetch(table.dataset.queues, {
        headers: { "If-None-Match": table.dataset.etag, "X-Imprimatur-Unattended": "1" },
        redirect: "manual",
        cache: "no-store",
      });
    } catch {
      return; // the network is away; the next look tells
    }
    if (response.type === "opaqueredirect") clearInterval(timer); // signed out: the next click says so
    else if (response.status === 200) show(await response.text());
  }

  function show(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-queues]");
    if (!fresh) return;
    const focused = document.activeElement?.dataset?.start;
    const waited = Number(table.dataset.waiting);
    table.replaceWith(fresh);
    table = fresh;
    if (focused) table.querySelector(`[data-start="${CSS.escape(focused)}"]`)?.focus();
    for (const place of document.querySelectorAll("[data-queues-said]")) place.textContent = table.dataset.said;
    for (const place of document.querySelectorAll("[data-queues-count]")) {
      place.textContent = table.dataset.waiting === "0" ? "" : table.dataset.waiting;
    }
    if (waited === 0 && table.dataset.waiting !== "0") announce(table.dataset.said);
  }

  const timer = setInterval(look, 1000);
  document.addEventListener("visibilitychange", look);
}
