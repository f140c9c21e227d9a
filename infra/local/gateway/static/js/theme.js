// Runs before the first paint: a chosen theme wins over the system's.
(() => {
  const kept = localStorage.getItem("holdfast.theme");
  if (kept) document.documentElement.dataset.theme = kept;
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", () => {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
      const next = now === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      localStorage.setItem("holdfast.theme", next);
    });
  });
})();
