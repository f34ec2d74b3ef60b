// Every page but the case: undo, and Enter for the page's one main button.

import { plainKey } from "./keyboard.js";
import { watchUndo } from "./undo.js";

watchUndo();

document.addEventListener("keydown", (event) => {
  const button = document.querySelector("[data-enter]");
  const onControl = event.target.closest?.("a, button, input, summary");
  if (button && !onControl && plainKey(event) === "Enter") button.click();
});
