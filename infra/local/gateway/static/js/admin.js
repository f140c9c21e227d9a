// A corner of the back office: the admin routes of the public API, with the shop's own key.
import { busy, byId, h, show, showIfNew, keepLooking } from "./dom.js";
import { Problem, atShop, call, newKey, shop } from "./api.js";
import { badge, clockTime, money, noticeOf, statusBadge, stockBadge, units } from "./words.js";
import { deadlineOf, secondsUntil, spoken } from "./clock.js";

const SLOT = `holdfast.key.${shop}`;
const opened = new Set(); // forms that are unfolded stay unfolded while the page looks again
let looking = null;
let sought = { q: "", filter: "" };

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
    await Promise.all([lookAtTotals(), lookAtStock(), lookAtHolds(), lookAtOrders()]);
  } catch (error) {
    if (error instanceof Problem && (error.status === 401 || error.status === 403)) {
      sessionStorage.removeItem(SLOT);
      door(error);
    } else { delete byId("orders").dataset.print; show(byId("orders"), noticeOf(error)); }
  }
  return 3000;
}

// --- the whole stock

async function lookAtTotals() {
  const found = (await admin("GET", "/inventory/dashboard")).data;
  showIfNew(byId("totals"), { ...found, at: null }, () => [
    totals("on hand", found.on_hand, found.value.map(money).join(" + ")),
    totals("available", found.available, `${found.products} ${found.products === 1 ? "product" : "products"}${found.complete ? "" : " so far"}`, "free"),
    totals("held", found.locked, units(found.live_holds, "hold") + (found.more_holds ? " or more" : ""), "held"),
    totals("owed", found.waiting, units(found.skus_waiting, "product"), found.waiting > 0 && "owed"),
    totals("low or out", found.skus_low + found.skus_out, `${found.skus_low} low, ${found.skus_out} out`),
    totals("in demand", found.hot.length, found.hot.length ? found.hot.slice(0, 2).map((one) => `${one.sku}: ${units(one.shards, "shard")}`).join(", ") : "one shard each")]);
}

function totals(word, count, more, mark) {
  return h("div", { class: `tally ${mark || ""}` }, h("span", { class: "soft small" }, word), h("b", { class: "number" }, count), h("span", { class: "faint small" }, more));
}

// --- inventory

async function lookAtStock() {
  const query = new URLSearchParams({ limit: 50, ...(sought.q && { q: sought.q }), ...(sought.filter && { filter: sought.filter }) });
  const asked = query.toString();
  const { items, next } = (await admin("GET", `/inventory?${asked}`)).data;
  if (byId("stock").contains(document.activeElement) && document.activeElement.matches("input, textarea")) return; // never under a typing hand
  showIfNew(byId("stock"), [asked, items, next], () => (items.length === 0 ? h("p", { class: "soft" }, sought.q || sought.filter ? "Nothing like that." : "No product yet.") : [
    h("table", { class: "table folding" },
      h("thead", {}, h("tr", {}, ["Product", "Units", "Available", "Held", "On hand", "Owed", "Coming", "Status"].map((word, at) => h("th", { scope: "col", class: at > 1 && at < 7 && "end" }, word)))),
      h("tbody", {}, items.map(stockRow))),
    next && h("p", { class: "soft small" }, "There are more: search for them.")]));
}

function stockRow(item) {
  const figure = (word, value, mark) => h("td", { class: `number end ${value ? mark || "" : "faint"}`, "data-word": word }, value);
  return h("tr", {},
    h("td", { class: "what" }, h("span", { class: "strong" }, item.title), h("div", { class: "faint small mono" }, item.sku), item.kind === "digital" ? keysForm(item) : restockForm(item)),
    h("td", { class: "bar" }, levelBar(item)),
    figure("available", item.available), figure("held", item.locked), figure("on hand", item.on_hand), figure("owed", item.waiting, "owed"), figure("coming", item.incoming),
    h("td", { class: "status" }, stockBadge(item.status)));
}

// All parts of one bar are to one scale: what is on hand, and behind it what is owed.
function levelBar(level) {
  const part = (name, value) => {
    const bar = h("i", { class: name });
    bar.style.flexGrow = value;
    return bar;
  };
  const words = `${level.available} available, ${level.locked} held, ${level.waiting} owed`;
  return h("div", { class: "level-bar", role: "img", "aria-label": words, title: words }, part("free", level.available), part("held", level.locked), part("owed", level.waiting));
}

byId("sift").addEventListener("submit", (event) => { event.preventDefault(); sift({ q: byId("sift-text").value.trim() }); });
byId("sift-text").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => sift({ q: byId("sift-text").value.trim() }), 300); });
for (const button of byId("sift").querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    for (const other of byId("sift").querySelectorAll("[data-filter]")) other.setAttribute("aria-pressed", other === button);
    sift({ filter: button.dataset.filter });
  });
}
let typing;
function sift(wanted) {
  sought = { ...sought, ...wanted };
  looking?.();
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
  const { items, next } = answer.data;
  byId("holds-count").textContent = items.length ? units(items.length, "hold") + (next ? " and more" : "") : "";
  deadlines = [];
  delete byId("holds").dataset.print;
  showIfNew(byId("holds"), items, () => (items.length === 0 ? h("p", { class: "soft" }, "Nothing is held right now.") : h("table", { class: "table folding" },
    h("thead", {}, h("tr", {}, ["What", "Order", "Held for", "Time left", ""].map((word) => h("th", { scope: "col" }, word)))),
    h("tbody", {}, items.map((hold) => holdRow(hold, answer.date))))));
  tick();
}

function holdRow(hold, date) {
  const age = h("span", { class: "number" }), left = h("span", { class: "number strong" }), rest = h("i", { class: "held" }), gone = h("i", {});
  const began = performance.now() - hold.age_seconds * 1000;
  deadlines.push({ age, left, rest, gone, began, ends: deadlineOf(hold, date) });
  const body = { reason: "released in the back office" };
  const release = h("button", { class: "button small", type: "button", onclick: (event) => busy(event.currentTarget, async () => { await admin("POST", `/holds/${hold.id}/release`, { body }).catch(() => null); await looking(); }) }, "Release");
  return h("tr", {},
    h("td", { class: "what" }, hold.lines.map((line) => h("div", {}, `${line.held} × `, h("span", { class: "mono small" }, line.sku), line.held < line.quantity && h("span", { class: "soft small" }, ` of ${line.quantity}`)))),
    h("td", { class: "ids" }, h("div", { class: "mono small" }, hold.order), h("div", { class: "mono small faint" }, hold.owner)),
    h("td", { "data-word": "held for" }, age),
    h("td", { class: "bar", "data-word": "time left" }, left, hold.extended && h("span", { class: "soft small" }, " extended once"), h("div", { class: "level-bar" }, rest, gone)),
    h("td", { class: "end" }, release));
}

function tick() {
  for (const { age, left, rest, gone, began, ends } of deadlines) {
    const seconds = secondsUntil(ends), held = Math.max(0, (performance.now() - began) / 1000);
    age.textContent = `${spoken(held)}${held < 60 ? " s" : ""}`;
    left.textContent = seconds > 0 ? `${spoken(seconds)}${seconds <= 60 ? " s" : ""}` : "over";
    rest.style.flexGrow = seconds;
    gone.style.flexGrow = held;
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
