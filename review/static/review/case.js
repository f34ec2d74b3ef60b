// The page of a case.

import { watchClaim } from "./claim.js";
import { watchDecision } from "./decide.js";
import { watchHistory } from "./history.js";
import { plainKey } from "./keyboard.js";
import { watchNextBreak } from "./next_break.js";
import { watchReveal } from "./reveal.js";
import { watchSeveral } from "./several.js";

export function watchCase(until) {
  let decision = null;
  const reveal = watchReveal((ms, enough) => decision.seen(ms, enough), until);
  decision = watchDecision(reveal, until);
  watchClaim(until);
  watchNextBreak(until);
  watchSeveral(until);
  watchHistory(until);

  const keys = document.querySelector("dialog[data-keys]");
  document.querySelector("[data-help]").addEventListener("click", () => keys.showModal());

  document.addEventListener("keydown", (event) => {
    const key = plainKey(event);
    if (key === "?") keys.showModal();
    if (key === "b") document.querySelector("[data-begin-break]").requestSubmit();
    if ((key === "ArrowLeft" || key === "ArrowRight") && !event.target.closest("[type=radio]")) turn(key === "ArrowRight" ? 1 : -1);
  }, { signal: until });

  (document.querySelector("[data-pane]") ?? document.querySelector("main")).focus({ preventScroll: true });
}

// Inside the request only; arrows never decide.
function turn(by) {
  const siblings = [...document.querySelectorAll("[data-sibling]")];
  siblings[siblings.findIndex((each) => "current" in each.dataset) + by]?.click();
}
