// Something that is done again and again, for as long as the page that started it stands.

export function every(ms, act, until) {
  const timer = setInterval(act, ms);
  until.addEventListener("abort", () => clearInterval(timer));
}
