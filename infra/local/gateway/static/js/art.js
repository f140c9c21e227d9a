// A quiet picture for a product without one: its kind as a line drawing, on a colour that its SKU chooses.
import { h, svg } from "./dom.js";

const PATHS = {
  digital: ["M14.5 9.5a4.5 4.5 0 1 0-3.6 4.4L13 16h2v2h2v2h3.5v-3l-6.3-6.3c.2-.4.3-.8.3-1.2Z", "M9 8.5h.01"],
  physical: ["M3.5 7.5 12 3l8.5 4.5v9L12 21l-8.5-4.5zM3.5 7.5 12 12l8.5-4.5M12 12v9M7.7 5.3l8.6 4.5"],
};

export function art({ sku, kind }) {
  const hue = [...sku].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  const place = h("div", { class: "art", "aria-hidden": "true" },
    svg("svg", { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-linecap": "round", "stroke-linejoin": "round" },
      (PATHS[kind] ?? PATHS.physical).map((d) => svg("path", { d }))));
  place.style.setProperty("--art-a", `light-dark(hsl(${hue} 42% 91%), hsl(${hue} 26% 20%))`);
  place.style.setProperty("--art-b", `light-dark(hsl(${(hue + 50) % 360} 40% 85%), hsl(${(hue + 50) % 360} 28% 14%))`);
  place.style.setProperty("--art-ink", `light-dark(hsl(${hue} 38% 34%), hsl(${hue} 40% 74%))`);
  return place;
}
