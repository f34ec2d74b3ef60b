// The footer's word on the next break. It only says so; the door is what asks for it.

import { every } from "./every.js";

export function watchNextBreak(until) {
  const told = document.querySelector("[data-break-in]");
  if (!told) return;
  const words = told.querySelector("[data-break-words]");
  const loaded = performance.now();

  function left(seconds) {
    return Math.max(0, Number(seconds) - (performance.now() - loaded) / 1000);
  }

  function show() {
    const suggested = left(told.dataset.suggestedIn);
    const required = left(told.dataset.breakIn);
    told.classList.toggle("due", suggested === 0);
    if (required === 0) words.textContent = "A break comes before the next case";
    else if (suggested === 0) words.textContent = `Break suggested now, required in ${minutes(required)}`;
    else words.textContent = `Break suggested in ${minutes(suggested)}`;
  }

  function minutes(seconds) {
    return seconds < 60 ? `${Math.ceil(seconds)}\u00a0s` : `${Math.floor(seconds / 60)}\u00a0min`;
  }

  every(5000, show, until);
}
