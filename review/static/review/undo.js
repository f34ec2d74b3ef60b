// The undo bar: counts its window down in text, answers to Z, goes away when the window is over.

import { plainKey } from "./keyboard.js";

export function watchUndo() {
  const bar = document.querySelector("[data-undo-seconds]");
  if (!bar) return;
  const left = bar.querySelector("[data-undo-left]");
  const ends = performance.now() + Number(bar.dataset.undoSeconds) * 1000;

  const timer = setInterval(tick, 250);
  function tick() {
    const seconds = Math.ceil((ends - performance.now()) / 1000);
    if (seconds > 0) {
      left.textContent = `${seconds} s`;
      return;
    }
    clearInterval(timer);
    bar.hidden = true;
  }
  tick();

  document.addEventListener("keydown", (event) => {
    if (plainKey(event) === "z" && !bar.hidden) bar.requestSubmit();
  });
}
