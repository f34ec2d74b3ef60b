// The officer's page while its time box is open: the key file is read here and never sent; for each image that is asked
// for, that image's own key is. What is shown is drawn on a canvas and goes when the tab, the time or a click says so.

import { fromBase64, ITEM_KEY, KeyError, open, readKeys, toBase64, wordsOf } from "./hpke.js";
import { post } from "./http.js";

const page = document.querySelector("[data-sealed]");
const { access, purpose, until } = page.dataset;
const [status, choices, canvas, words, hideButton, liftButton] = ["status", "choices", "canvas", "words", "hide", "lift"]
  .map((name) => page.querySelector(`[data-${name}]`));
const rest = status.textContent;
let keys = null;

page.querySelector("[data-key]").addEventListener("change", (event) => attempt(async () => {
  const [file] = event.target.files;
  if (!file) return;
  keys = await readKeys(await file.text());
  const images = await imageKeys();
  say("The key fits.");
  if (liftButton) {
    liftButton.hidden = false;
    liftButton.onclick = () => attempt(() => lift(images));
    return;
  }
  choices.replaceChildren(...images.flatMap((image) => [look(image, "blurred"), look(image, "grey")]), wordsChoice());
  choices.hidden = false;
}));

// Each image with its own key, unwrapped; a key file that does not fit is told before anything is asked for.
async function imageKeys() {
  const { images } = await answer(page.dataset.wrappedUrl, { purpose });
  return Promise.all(images.map(async ({ id, number, wrapped_key }) => (
    { id, number, key: toBase64(await open(fromBase64(wrapped_key), keys, ITEM_KEY)) }
  )));
}

function look(image, form) {
  const name = `Image ${image.number}, ${form === "blurred" ? "blurred" : "clearer, in grey"}`;
  return choice(name, async () => {
    const response = await ask(page.dataset.viewUrl, { image: image.id, item_key: image.key, form });
    const bitmap = await createImageBitmap(await response.blob());
    hide();
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    show(canvas, name);
  });
}

function wordsChoice() {
  return choice("The prompt's words", async () => {
    const { context, encrypted } = await answer(page.dataset.wordsUrl, {});
    hide();
    if (!encrypted) {
      say("No words are kept of it.");
      return;
    }
    words.textContent = new TextDecoder().decode(await open(fromBase64(encrypted), keys, wordsOf(context)));
    show(words, "The prompt's words");
  });
}

async function lift(images) {
  liftButton.disabled = true;
  const item_keys = JSON.stringify(Object.fromEntries(images.map(({ id, key }) => [id, key])));
  const { to } = await answer(page.dataset.liftUrl, { item_keys });
  location.assign(to);
}

function choice(name, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = name;
  button.onclick = () => attempt(act);
  return button;
}

async function ask(url, fields) {
  const response = await post(url, { access, ...fields });
  if (response.ok) return response;
  const said = await response.json().catch(() => ({ message: "You are signed out, or the door does not answer." }));
  throw new KeyError(said.message);
}

async function answer(url, fields) {
  return (await ask(url, fields)).json();
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    hide();
    if (liftButton) liftButton.disabled = false;
    say(error instanceof KeyError ? error.message : "This browser cannot use the key here. Use the command line.");
  }
}

function show(what, name) {
  what.hidden = hideButton.hidden = false;
  say(`${name}: shown, and logged.`);
}

function hide() {
  if (!canvas) return;
  canvas.hidden = words.hidden = hideButton.hidden = true;
  canvas.width = canvas.height = 0;
  words.textContent = "";
  say(rest);
}

function say(text) {
  status.textContent = text;
}

hideButton?.addEventListener("click", hide);
canvas?.addEventListener("contextmenu", (event) => event.preventDefault());
window.addEventListener("blur", hide);
window.addEventListener("pagehide", hide);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") hide();
});
const timer = setInterval(() => {
  if (Date.now() < Number(until) * 1000) return;
  clearInterval(timer);
  hide();
  keys = null;
  for (const part of [choices, liftButton]) part?.remove();
  say("The time is over. Ask anew if you must.");
}, 1000);
