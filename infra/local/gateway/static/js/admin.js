// A corner of the back office: the admin routes of the public API, with the shop's own key.
import { busy, byId, h, show, showIfNew, keepLooking } from "./dom.js";
import { Problem, atShop, call, newKey, shop } from "./api.js";
import { badge, clockTime, money, noticeOf, statusBadge, units } from "./words.js";
import { deadlineOf, secondsUntil, spoken } from "./clock.js";

const SLOT = `holdfast.key.${shop}`;
const SHELVES_SHOWN = 12;
const opened = new Set(); // forms that are unfolded stay unfolded while the page looks again
let looking = null;
let everything = false;

const admin = (method, path, options = {}) =>
  call(method, atShop(`/admin${path}`), { ...options, headers: { "X-Api-Key": sessionStorage.getItem(SLOT), ...(method === "POST" ? { "Idempotency-Key": newKey() } : {}) } });

// --- the door

function door(error) {
  byId("door").hidden = false;
  byId("office").hidden = byId("leave").hidden = true;
  show(byId("door-refusal"), error && noticeOf(error));
  byId("api-key").focus();
}

async function enter() {
  byId("door").hidden = true;
  byId("office").hidden = byId("leave").hidden = false;
  looking ? looking() : (looking = keepLooking(look));
}

byId("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(SLOT, byId("api-key").value.trim());
  byId("api-key").value = "";
  enter();
});
byId("leave").addEventListener("click", () => { sessionStorage.removeItem(SLOT); door(); });

// --- looking

async function look() {
  if (!sessionStorage.getItem(SLOT)) return 3000;
  try {
    await Promise.all([lookAtStock(), lookAtHolds(), lookAtOrders()]);
  } catch (error) {
    if (error instanceof Problem && (error.status === 401 || error.status === 403)) {
      sessionStorage.removeItem(SLOT);
      door(error);
    } else { delete byId("orders").dataset.print; show(byId("orders"), noticeOf(error)); }
  }
  return 3000;
}

async function lookAtStock() {
  const { items, next } = (await admin("GET", "/products?limit=100")).data;
  const shown = everything ? items : items.slice(0, SHELVES_SHOWN);
  const levels = await Promise.all(shown.map(async (product) => (await admin("GET", `/inventory/${encodeURIComponent(product.sku)}`)).data));
  const hidden = items.length - shown.length;
  if (byId("stock").contains(document.activeElement) && document.activeElement.matches("input, textarea")) return; // never under a typing hand
  showIfNew(byId("stock"), [shown, levels, hidden, next], () => [
    ...shown.map((product, at) => shelf(product, levels[at])),
    items.length === 0 && h("div", { class: "empty" }, h("p", { class: "title" }, "No product yet")),
    hidden > 0 && h("button", { class: "button", type: "button", onclick: () => { everything = true; looking(); } }, `Show ${hidden} more`)]);
}

function shelf(product, level) {
  const figure = (value, word) => h("div", {}, h("b", {}, value), h("span", {}, word));
  return h("article", { class: "card level" },
    h("div", { class: "row between" }, h("h3", {}, product.title), badge("plain", product.on_shortage === "backorder" ? "back-order" : "no back-order")),
    h("p", { class: "faint small mono" }, product.sku),
    levelBar(level),
    h("div", { class: "figures" }, figure(level.available, "available"), figure(level.locked, "held"), figure(level.on_hand, "on hand"), figure(level.waiting, "owed")),
    product.kind === "digital" ? keysForm(product) : restockForm(product));
}

function levelBar(level) {
  const part = (name, value) => {
    const bar = h("i", { class: name });
    bar.style.flexGrow = value;
    return bar;
  };
  return h("div", { class: "level-bar", role: "img", "aria-label": `${level.available} available, ${level.locked} held` }, part("free", level.available), part("held", level.locked));
}

function fold(product, word, fields, send) {
  const refusal = h("div", { role: "alert" });
  const button = h("button", { class: "button small primary", type: "submit" }, word);
  const form = h("form", { class: "stack tight", onsubmit: (event) => {
    event.preventDefault();
    busy(button, async () => {
      show(refusal);
      try { say(await send(new FormData(form))); } catch (error) { return show(refusal, noticeOf(error)); }
      form.reset();
      document.activeElement?.blur();
      await looking();
    });
  } }, fields, h("div", { class: "row" }, button), refusal);
  return h("details", { class: "fold", open: opened.has(product.sku), ontoggle: (event) => (event.target.open ? opened.add(product.sku) : opened.delete(product.sku)) }, h("summary", {}, word), form);
}

// Beside the page's title, because the shelf that was changed is drawn anew.
let silence;
function say(text) {
  clearTimeout(silence);
  show(byId("said"), badge("good", text));
  silence = setTimeout(() => show(byId("said")), 5000);
}

function restockForm(product) {
  const id = `restock-${product.sku}`;
  const fields = h("div", { class: "field" }, h("label", { for: id }, "How many arrived"), h("input", { class: "input number", id, name: "quantity", type: "number", min: 1, required: true, inputmode: "numeric" }));
  return fold(product, "Restock", fields, async (form) => {
    const quantity = Number(form.get("quantity"));
    await admin("POST", `/inventory/${encodeURIComponent(product.sku)}/restock`, { body: { quantity, reason: "delivery" } });
    return `${units(quantity)} added`;
  });
}

function keysForm(product) {
  const id = `keys-${product.sku}`;
  const fields = h("div", { class: "field" }, h("label", { for: id }, "Licence keys, one per line"), h("textarea", { class: "input", id, name: "keys", required: true, spellcheck: "false" }));
  return fold(product, "Add keys", fields, async (form) => {
    const keys = form.get("keys").split("\n").map((key) => key.trim()).filter(Boolean);
    const { imported, duplicates } = (await admin("POST", `/keys/${encodeURIComponent(product.sku)}`, { body: { keys } })).data;
    return `${units(imported, "key")} added${duplicates.length ? `, ${duplicates.length} were known` : ""}`;
  });
}

// --- holds

let deadlines = [];
async function lookAtHolds() {
  const answer = await admin("GET", "/holds?limit=100");
  const { items } = answer.data;
  byId("holds-count").textContent = items.length ? units(items.length, "hold") : "";
  deadlines = [];
  delete byId("holds").dataset.print;
  showIfNew(byId("holds"), items, () => (items.length === 0 ? h("p", { class: "soft" }, "Nothing is held right now.") : h("div", { class: "table-wrap" }, h("table", { class: "table" },
    h("thead", {}, h("tr", {}, ["What", "Order", "Time left", ""].map((word) => h("th", { scope: "col" }, word)))),
    h("tbody", {}, items.map((hold) => holdRow(hold, answer.date)))))));
  tick();
}

function holdRow(hold, date) {
  const left = h("td", { class: "number strong" }, "");
  deadlines.push([left, deadlineOf(hold, date)]);
  const release = h("button", { class: "button small", type: "button", onclick: (event) => busy(event.currentTarget, async () => { await admin("POST", `/holds/${hold.id}/release`, { body: {} }).catch(() => null); await looking(); }) }, "Release");
  return h("tr", {}, h("td", {}, hold.lines.map((line) => h("div", {}, `${line.quantity} × `, h("span", { class: "mono small" }, line.sku)))), h("td", { class: "mono small" }, hold.order), left, h("td", { class: "end" }, release));
}

function tick() {
  for (const [cell, deadline] of deadlines) {
    const seconds = secondsUntil(deadline);
    cell.textContent = seconds > 0 ? `${spoken(seconds)} s` : "over";
  }
}
setInterval(tick, 250);

// --- orders

async function lookAtOrders() {
  const { items } = (await admin("GET", "/orders?limit=25")).data;
  showIfNew(byId("orders"), items, () => (items.length === 0 ? h("p", { class: "soft" }, "No order yet.") : h("div", { class: "table-wrap" }, h("table", { class: "table" },
    h("thead", {}, h("tr", {}, ["Order", "Status", "What", "Total", "When"].map((word) => h("th", { scope: "col", class: word === "Total" && "end" }, word)))),
    h("tbody", {}, items.map(orderRow))))));
}

function orderRow(order) {
  return h("tr", {},
    h("td", {}, h("span", { class: "strong nowrap" }, order.number), h("div", { class: "soft small" }, order.email ?? "")),
    h("td", {}, statusBadge(order.status)),
    h("td", {}, (order.lines ?? []).map((line) => h("div", { class: "small" }, `${line.quantity} × ${line.title}`, line.owed > 0 && h("span", { class: "soft" }, `, ${line.owed} owed`)))),
    h("td", { class: "number end nowrap" }, money(order.totals.total)),
    h("td", { class: "number soft nowrap" }, clockTime(order.created_at)));
}

sessionStorage.getItem(SLOT) ? enter() : door();
