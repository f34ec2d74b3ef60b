// The break: its clock and the breathing figure. It ends when its person says so, never by itself.

const clock = document.querySelector("[data-rest-left]");
const ring = document.querySelector("[data-ring]");
const back = document.querySelector("[data-back]");
const words = document.querySelector("[data-breath-words]");
const count = document.querySelector("[data-breath-count]");
const figure = document.querySelector("[data-breath]");
const onOff = document.querySelector("[data-breathing]");
const IN_S = 4;
const OUT_S = 6;

if (clock) {
  const whole = Number(clock.dataset.whole);
  const ends = performance.now() + Number(clock.dataset.restLeft) * 1000;
  const timer = setInterval(tick, 250);
  function tick() {
    const seconds = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    ring.setAttribute("stroke-dashoffset", String(100 - (100 * seconds) / whole));
    if (seconds > 0) return;
    clearInterval(timer);
    document.querySelector("[data-rest-title]").textContent = "Your break is complete";
    document.querySelector("[data-rest-note]").textContent = "It goes on for as long as you like.";
    back.classList.remove("not-yet");
    back.removeAttribute("aria-disabled");
    back.textContent = "Back to work";
  }
  tick();
}

back?.addEventListener("click", (event) => {
  if (back.getAttribute("aria-disabled") === "true") event.preventDefault();
});

let breathing = true;
const began = performance.now();
const still = matchMedia("(prefers-reduced-motion: reduce)");

function breathe() {
  if (!breathing) return;
  const at = ((performance.now() - began) / 1000) % (IN_S + OUT_S);
  const inward = at < IN_S;
  words.textContent = inward ? "Breathe in" : "Breathe out";
  count.textContent = String(Math.ceil(inward ? IN_S - at : IN_S + OUT_S - at));
}

function show() {
  figure.classList.toggle("breathing", breathing && !still.matches);
  onOff.setAttribute("aria-pressed", String(breathing));
  onOff.textContent = breathing ? "Breathing on" : "Breathing off";
  if (breathing) breathe();
  else words.textContent = count.textContent = "";
}

onOff.addEventListener("click", () => {
  breathing = !breathing;
  show();
});
still.addEventListener("change", show);
setInterval(breathe, 250);
show();
