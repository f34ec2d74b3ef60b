// The undo bar: counts its window down in text, answers to Z, goes away when the window is over.

import { every } from "./every.js";
import { plainKey } from "./keyboard.js";

export function watchUndo(until) {
  const bar = document.querySelector("[data-undo-seconds]");
  if (!bar) return;
  const left = bar.querySelector("[data-undo-left]");
  const ends = performance.now() + Number(bar.dataset.undoSeconds) * 1000;

  function tick() {
    const seconds = Math.ceil((ends - performance.now()) / 1000);
    left.textContent = `${seconds} s`;
    bar.hidden = seconds <= 0;
  }
  every(250, tick, until);
  tick();

  document.addEventListener("keydown", (event) => {
    if (plainKey(event) === "z" && !bar.hidden) bar.requestSubmit();
  }, { signal: until });
}
