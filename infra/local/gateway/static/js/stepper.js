import { h } from "./dom.js";

// A quantity that a thumb can change. `changed` is called with whole numbers between `least` and `most` only.
export function stepper({ value, least = 1, most = 99, label, changed }) {
  const input = h("input", { type: "number", inputmode: "numeric", min: least, max: most, step: 1, value, "aria-label": label });
  const set = (next) => {
    const whole = Math.min(most, Math.max(least, Math.trunc(Number(next)) || least));
    input.value = whole;
    changed(whole);
  };
  input.addEventListener("change", () => set(input.value));
  return h("div", { class: "stepper", role: "group", "aria-label": label },
    h("button", { type: "button", "aria-label": "one less", onclick: () => set(Number(input.value) - 1) }, "−"),
    input,
    h("button", { type: "button", "aria-label": "one more", onclick: () => set(Number(input.value) + 1) }, "+"));
}
