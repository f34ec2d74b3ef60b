// The claim's clock. Kept by itself while this tab is visible and its person does something; by K or the button at any time.

import { every } from "./every.js";
import { post } from "./http.js";
import { announce, keyLabel, plainKey } from "./keyboard.js";

const RENEW_EVERY_MS = 60_000;
const WARN_S = 60;
const LAST_CALL_S = 30;

export function watchClaim(until) {
  const form = document.querySelector("[data-claim]");
  const clock = form.querySelector("[data-clock]");
  const keep = form.querySelector("[data-keep]");
  const token = form.elements.token.value;
  let ends = Date.now() + Number(form.dataset.seconds) * 1000;
  let used = false;
  let told = Infinity;
  let lost = false;

  for (const kind of ["pointermove", "pointerdown", "keydown", "scroll"]) {
    document.addEventListener(kind, () => { used = true; }, { passive: true, capture: true, signal: until });
  }

  async function renew() {
    used = false;
    const before = Date.now();
    let response;
    try {
      response = await post(form.action, { token });
    } catch {
      return; // the network is away; the clock goes on and says how long there is
    }
    if (until.aborted) return; // the claim of the case before this one
    if (!response.ok) {
      lose();
      return;
    }
    // The server says until when in its own time; its Date header turns that into a time from now.
    const said = await response.json();
    const serverNow = Date.parse(response.headers.get("Date")) || before;
    ends = Date.now() + (said.until_ms - serverNow);
    told = Infinity;
    show();
  }

  function lose() {
    if (lost) return;
    lost = true;
    form.classList.add("lost");
    clock.parentElement.firstElementChild.textContent = "No longer";
    clock.textContent = "yours";
    keep.hidden = true;
    document.dispatchEvent(new CustomEvent("claim-lost"));
    announce("Your claim on this case is over. What you wrote stays on this page.");
  }

  function show() {
    if (lost) return;
    const seconds = Math.max(0, Math.round((ends - Date.now()) / 1000));
    if (seconds === 0) {
      lose();
      return;
    }
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    form.classList.toggle("ending", seconds <= WARN_S);
    keep.hidden = seconds > WARN_S;
    for (const mark of [WARN_S, LAST_CALL_S]) {
      if (seconds <= mark && told > mark) {
        told = mark;
        announce(`Your claim ends in ${seconds} seconds. ${keyLabel("k") || "The button"} keeps it.`);
      }
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    renew();
  });
  document.addEventListener("keydown", (event) => {
    if (plainKey(event) === "k" && !lost) renew();
  }, { signal: until });
  every(1000, show, until);
  every(RENEW_EVERY_MS, () => {
    if (used && document.visibilityState === "visible" && !lost) renew();
  }, until);
  show();
}
