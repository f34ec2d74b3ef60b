// Choosing several images of a request for one denial. What is chosen stays while one goes from image to image; it is
// sent only with a denial, since nothing else is ever said of several.

import { announce, keyLabel, plainKey } from "./keyboard.js";

export function watchSeveral(until) {
  const boxes = [...document.querySelectorAll("[data-several]")];
  if (boxes.length === 0) return;
  const form = document.querySelector("[data-decide]");
  const all = document.querySelector("[data-several-all]");
  const kept = `several ${form.elements.token.value}`;
  const open = () => boxes.filter((box) => box.checked);

  for (const value of JSON.parse(sessionStorage.getItem(kept) ?? "[]")) {
    const box = boxes.find((each) => each.value === value);
    if (box) box.checked = true;
  }

  function changed() {
    sessionStorage.setItem(kept, JSON.stringify(open().map((box) => box.value)));
    all.setAttribute("aria-pressed", String(open().length === boxes.length));
    document.dispatchEvent(new CustomEvent("several"));
  }

  function choose(box, on) {
    if (box.disabled) {
      announce(`Only a denial takes several images. ${keyLabel("d") || "Deny"} comes first.`);
      return;
    }
    box.checked = on;
  }

  for (const box of boxes) box.addEventListener("change", changed);
  all.hidden = false;
  all.addEventListener("click", () => {
    const on = open().length < boxes.length;
    for (const box of boxes) choose(box, on);
    announce(on ? `All ${boxes.length} chosen` : "None chosen");
    changed();
  });
  document.addEventListener("outcome", (event) => {
    for (const box of boxes) box.disabled = !["", "deny"].includes(event.detail);
    all.disabled = boxes[0].disabled;
  }, { signal: until });
  document.addEventListener("keydown", (event) => {
    if (plainKey(event) !== "x") return;
    const box = boxes.find((each) => "current" in each.dataset);
    choose(box, !box.checked);
    if (!box.disabled) announce(`${open().length} of ${boxes.length} chosen`);
    changed();
  }, { signal: until });
  changed();
}

// What the commit button says of them; empty where none is chosen.
export function severalWords() {
  const chosen = [...document.querySelectorAll("[data-several]:checked:not(:disabled)")].map((box) => box.dataset.number);
  if (chosen.length === 0) return "";
  if (chosen.length === 1) return `Deny image ${chosen[0]}, next case`;
  return `Deny images ${chosen.slice(0, -1).join(", ")} and ${chosen.at(-1)}, next case`;
}
