// Time left by the server's clock. The visitor's clock may be hours off; only its pace is trusted.
import { h, svg } from "./dom.js";

// Milliseconds on this page's own steady clock at which the hold ends.
export function deadlineOf(hold, date) {
  const left = hold.seconds_left ?? (Date.parse(hold.expires_at) - Date.parse(date)) / 1000;
  return performance.now() + Math.max(0, left) * 1000;
}

export const secondsUntil = (deadline) => Math.max(0, (deadline - performance.now()) / 1000);

export function spoken(seconds) {
  const whole = Math.ceil(seconds);
  return whole >= 60 ? `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}` : `${whole}`;
}

const RADIUS = 40;
const ROUND = 2 * Math.PI * RADIUS;

// A ring that empties. `sync` moves its end when the server says something else than a jitter.
export function ring(whenOver) {
  const left = svg("circle", { class: "left", cx: 44, cy: 44, r: RADIUS, "stroke-dasharray": ROUND, "stroke-dashoffset": 0 });
  const digits = h("b", {}, "");
  const element = h("div", { class: "ring", role: "timer", "aria-label": "time left to pay" },
    svg("svg", { viewBox: "0 0 88 88", "aria-hidden": "true" }, svg("circle", { cx: 44, cy: 44, r: RADIUS }), left), digits);
  let deadline = 0, whole = 1, over = false;
  const tick = () => {
    const seconds = secondsUntil(deadline);
    whole = Math.max(whole, seconds);
    digits.textContent = spoken(seconds);
    left.setAttribute("stroke-dashoffset", ROUND * (1 - seconds / whole));
    element.classList.toggle("soon", seconds < Math.min(60, whole / 3));
    element.classList.toggle("over", seconds <= 0);
    if (seconds <= 0 && !over) { over = true; whenOver?.(); }
  };
  setInterval(tick, 200);
  return {
    element,
    sync(next) {
      if (Math.abs(next - deadline) > 1200) { deadline = next; over = false; }
      tick();
    },
  };
}
