import { byId, keepLooking } from "./dom.js";
import { exchange } from "./api.js";

keepLooking(async () => {
  const sign = byId("health");
  try {
    const began = performance.now();
    const { ok, status } = await exchange("GET", "/health");
    const millis = Math.round(performance.now() - began);
    sign.className = `badge ${ok ? "good" : "bad"} live`;
    sign.textContent = ok ? `API is up, answered in ${millis} ms` : `API answered ${status}: python3 infra/dev.py demo starts it`;
  } catch (error) {
    sign.className = "badge bad";
    sign.textContent = error.message;
  }
  return 5000;
});
