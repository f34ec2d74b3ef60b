// Single keys: never while typing, never with a modifier, never on repeat, never behind a dialog, never where their person
// switched them off. A key that was put elsewhere answers to the name of the key that its command has by default.

const body = document.body;
const off = body.dataset.singleKeys === "off";
const moved = JSON.parse(body.dataset.keys ?? "{}"); // the pressed key -> the default key of its command
const defaults = new Set(Object.values(moved));
const LABELS = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

function typing(target) {
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
  return target.tagName === "INPUT" && !["radio", "checkbox", "button", "submit"].includes(target.type);
}

function named(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (Object.hasOwn(moved, key)) return moved[key];
  return defaults.has(key) ? null : key;
}

export function plainKey(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  if (off || typing(event.target) || document.querySelector("dialog[open]")) return null;
  return named(event);
}

export function commits(event) {
  return event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat && !document.querySelector("dialog[open]");
}

// What a sentence says of the key that a command has by default; empty where single keys are off.
export function keyLabel(byDefault) {
  if (off) return "";
  const key = Object.keys(moved).find((each) => moved[each] === byDefault) ?? byDefault;
  return LABELS[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

export function announce(text) {
  const region = document.querySelector("[data-announce]");
  if (region) region.textContent = text;
}
