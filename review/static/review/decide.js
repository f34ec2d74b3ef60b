// Choosing and committing, which are two acts: no key does both.

import { announce, commits, keyLabel, plainKey } from "./keyboard.js";
import { severalWords } from "./several.js";

const WORDS = {
  release: "Release, next case",
  approve: "Approve, next case",
  deny: "Deny, next case",
  escalate: "Escalate, next case",
  skip: "Skip, next case",
};

const REVEAL = keyLabel(" ");
const LOOK_FIRST = `Release opens once you have seen the image for 1.0 s.${REVEAL ? ` ${REVEAL} shows it.` : ""}`;

export function watchDecision(reveal, until) {
  const form = document.querySelector("[data-decide]");
  const release = form.querySelector("[data-release]");
  const hint = form.querySelector("[data-hint]");
  const restingHint = hint.textContent;
  const commit = form.querySelector("[data-commit]");
  const commitWords = form.querySelector("[data-commit-words]");
  const noteKey = `note ${document.querySelector("[data-case]").dataset.case}`;
  const note = form.elements.note;
  let sending = false;

  note.value = note.value || sessionStorage.getItem(noteKey) || "";
  note.addEventListener("input", () => sessionStorage.setItem(noteKey, note.value));

  const chosen = () => form.elements.outcome.value;

  function show() {
    const outcome = chosen();
    document.dispatchEvent(new CustomEvent("outcome", { detail: outcome }));
    const missing = outcome === "deny" && !form.elements.category.value ? "Choose a reason" : "";
    commitWords.textContent = missing || (outcome === "deny" && severalWords()) || WORDS[outcome] || "Choose a decision";
    commit.classList.toggle("not-yet", !outcome || Boolean(missing));
    commit.setAttribute("aria-disabled", String(!outcome || Boolean(missing)));
    form.classList.toggle("denying", outcome === "deny");
  }

  function choose(input) {
    if (input.closest(".not-yet[data-release]")) {
      tell(LOOK_FIRST);
      return;
    }
    input.checked = true;
    hint.textContent = restingHint;
    show();
  }

  function tell(text) {
    hint.textContent = text;
    hint.classList.add("said");
    announce(text);
  }

  release?.addEventListener("click", (event) => {
    if (!release.classList.contains("not-yet")) return;
    event.preventDefault();
    tell(LOOK_FIRST);
  });

  form.addEventListener("change", (event) => {
    if (event.target.name === "category") form.querySelector("[value=deny]").checked = true;
    show();
  });

  form.addEventListener("htmx:confirm", async (event) => {
    event.preventDefault();
    const outcome = chosen();
    if (sending || commit.getAttribute("aria-disabled") === "true") {
      tell(outcome === "deny" ? "A denial needs a reason: 1 to 9." : "Choose a decision first.");
      return;
    }
    sending = true;
    commitWords.textContent = "Sending";
    commit.classList.add("busy");
    await reveal.end(); // a look still under way is recorded before what rests on it
    event.detail.issueRequest(true);
  });

  // Once the door has read the note, it is in the record or on the page that says why not; at the sign-in page nobody has.
  form.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr } }) => {
    const signedOut = new URL(xhr.responseURL).pathname.startsWith("/accounts/");
    if (xhr.status < 500 && !signedOut) sessionStorage.removeItem(noteKey);
  });
  for (const kind of ["htmx:sendError", "htmx:responseError"]) {
    form.addEventListener(kind, () => {
      sending = false;
      commit.classList.remove("busy");
      show();
      tell("No answer from the record. What you chose and wrote is still here; try again. It cannot count twice.");
    });
  }

  document.addEventListener("keydown", (event) => {
    if (commits(event)) {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    const key = plainKey(event);
    if (key === null) return;
    const outcome = form.querySelector(`[data-key="${CSS.escape(key)}"]`);
    const reason = form.querySelector(`[data-digit="${CSS.escape(key)}"]`);
    if (outcome) choose(outcome);
    if (reason) {
      reason.checked = true;
      choose(form.querySelector("[value=deny]"));
    }
    if (key === "n") {
      event.preventDefault();
      note.focus();
    }
  }, { signal: until });

  document.addEventListener("several", show, { signal: until });
  show();
  return {
    seen(ms, enough) {
      const fact = document.querySelector("[data-fact]");
      if (fact) fact.textContent = `Seen ${(ms / 1000).toFixed(1)} s`;
      if (!enough || !release) return;
      release.classList.remove("not-yet");
      hint.textContent = `You have seen this image for ${(ms / 1000).toFixed(1)} s. Deny needs no reveal.`;
    },
  };
}
