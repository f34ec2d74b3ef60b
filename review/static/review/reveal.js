// Seeing the image clearly, for as long as its key, the image or its button is held; or, for people who chose so, from
// one press to the next and for 10 s at most. Its bytes arrive on the press and are dropped on letting go: they are drawn
// on a canvas, never put at an address, and the canvas is emptied.

import { post } from "./http.js";
import { announce, plainKey } from "./keyboard.js";

const REVEAL_HEADER = "X-Imprimatur-Reveal";
const TOGGLED_MS = 10_000;

export function watchReveal(onSeen, until) {
  const well = document.querySelector("[data-reveal]");
  if (!well) return { end: async () => {} };
  const pane = well.querySelector("[data-pane]");
  const canvas = well.querySelector("[data-clear]");
  const words = well.querySelector("[data-hold-words]");
  const rest = words.cloneNode(true);
  const grey = document.querySelector("[data-grey]");
  const token = document.querySelector("[data-decide]").elements.token.value;
  const needed = Number(well.dataset.neededMs);
  const toggles = well.dataset.reveal === "toggle";
  const button = well.querySelector("[data-hold]");
  let held = null; // the hold under way
  let sending = Promise.resolve();
  let over = false;

  async function begin() {
    if (held || over) return;
    const hold = { shownAt: null, proof: null, timer: 0 };
    held = hold;
    well.classList.add("held");
    const form = grey.getAttribute("aria-pressed") === "true" ? "grey" : "clear";
    let bitmap;
    try {
      const response = await post(well.dataset.revealUrl, { token, form });
      if (!response.ok) {
        await refuse(response);
        return;
      }
      hold.proof = response.headers.get(REVEAL_HEADER);
      bitmap = await createImageBitmap(await response.blob());
    } catch {
      say("The image could not be loaded. Nothing is lost; try again.");
      held = held === hold ? null : held;
      return;
    }
    if (held !== hold) {
      bitmap.close(); // let go before it came: nothing was shown
      return;
    }
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    canvas.hidden = false;
    well.classList.add("clear");
    hold.shownAt = performance.now();
    hold.timer = setInterval(() => count(hold), 100);
    count(hold);
  }

  function count(hold) {
    const ms = performance.now() - hold.shownAt;
    if (toggles && ms >= TOGGLED_MS) {
      end();
      return;
    }
    words.textContent = `${(ms / 1000).toFixed(1)} s${ms >= needed ? ", seen" : ""}`;
    well.classList.toggle("enough", ms >= needed);
  }

  function end() {
    const hold = held;
    held = null;
    well.classList.remove("held", "clear", "enough");
    canvas.hidden = true;
    canvas.width = canvas.height = 0;
    if (!hold) return sending;
    clearInterval(hold.timer);
    words.replaceChildren(...rest.cloneNode(true).childNodes);
    if (hold.shownAt === null || hold.proof === null) return sending;
    const ms = Math.round(performance.now() - hold.shownAt);
    sending = record(hold.proof, ms);
    return sending;
  }

  async function record(reveal, ms) {
    try {
      const response = await post(well.dataset.lookUrl, { reveal, ms }, { keepalive: true });
      if (!response.ok) return;
      const said = await response.json();
      if (until.aborted) return; // of the case before this one
      announce(`Seen for ${(said.ms / 1000).toFixed(1)} seconds.`);
      onSeen(said.ms, said.enough);
    } catch {
      say("Your look was not recorded: the door does not answer.");
    }
  }

  async function refuse(response) {
    held = null;
    well.classList.remove("held");
    if (response.type === "opaqueredirect") {
      say("You are signed out. Sign in again; what is held stays held.");
      return;
    }
    const said = await response.json().catch(() => ({ message: "The image cannot be shown now." }));
    say(said.message);
  }

  function say(text) {
    well.classList.remove("held");
    words.textContent = text;
    announce(text);
  }

  function press() {
    if (toggles && held) end();
    else begin();
  }

  // Space on the image or its own button works even where single keys are off or this command has another key.
  function reveals(event) {
    if (event.target === pane || event.target === button) {
      if (event.key === " " && !event.repeat) return true;
    }
    const elsewhere = event.target.closest?.("button:not([data-hold]), summary, a");
    return !elsewhere && plainKey(event) === " ";
  }

  let heldBy = null; // the key that is down
  document.addEventListener("keydown", (event) => {
    if (event.repeat && event.code === heldBy) event.preventDefault(); // repeats of the held key would scroll
    if (!reveals(event)) return;
    event.preventDefault();
    heldBy = event.code;
    press();
  }, { signal: until });
  document.addEventListener("keyup", (event) => {
    if (event.code !== heldBy) return;
    heldBy = null;
    event.preventDefault();
    if (!toggles) end();
  }, { signal: until });
  for (const target of [pane, button]) {
    target.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      pane.focus({ preventScroll: true });
      press();
    });
    target.addEventListener("contextmenu", (event) => event.preventDefault());
  }
  if (!toggles) for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, end, { signal: until });
  window.addEventListener("blur", end, { signal: until });
  window.addEventListener("pagehide", end, { signal: until });
  until.addEventListener("abort", end);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") end();
  }, { signal: until });
  document.addEventListener("claim-lost", () => {
    over = true;
    end();
  }, { signal: until });

  function toggleGrey() {
    const on = grey.getAttribute("aria-pressed") !== "true";
    grey.setAttribute("aria-pressed", String(on));
    grey.querySelector("[data-grey-words]").textContent = on ? "Grey on" : "Grey off";
  }
  grey.addEventListener("click", toggleGrey);
  document.addEventListener("keydown", (event) => {
    if (plainKey(event) === "g") toggleGrey();
  }, { signal: until });

  return { end };
}
