// Every page but the case: undo, the queues' numbers, and Enter for the page's one main button.

import { plainKey } from "./keyboard.js";
import { watchQueues } from "./queues.js";
import { watchUndo } from "./undo.js";

watchUndo();
watchQueues();

document.addEventListener("keydown", (event) => {
  const button = document.querySelector("[data-enter]");
  const onControl = event.target.closest?.("a, button, input, summary");
  if (button && !onControl && plainKey(event) === "Enter") button.click();
});
