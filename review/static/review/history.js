// The requester's history: closed until asked for, since it says nothing of the picture.

import { plainKey } from "./keyboard.js";

export function watchHistory(until) {
  const history = document.querySelector("[data-history]");
  document.addEventListener("keydown", (event) => {
    if (plainKey(event) !== "h") return;
    history.open = !history.open;
    if (history.open) history.scrollIntoView({ block: "nearest" });
    history.querySelector("summary").focus({ preventScroll: true });
  }, { signal: until });
}
