import { byId, busy, h, show, showIfNew, keepLooking } from "./dom.js";
import { Problem, atShop, call, get, newKey, rememberOrder, shop } from "./api.js";
import { money, notice, noticeOf, stockBadge, units } from "./words.js";
import { art } from "./art.js";
import { stepper } from "./stepper.js";

const SLOT = `holdfast.bag.${shop}`;
const bag = new Map(readBag());
let products = new Map();
// What was sent last: trying the same again uses the same key, so it cannot order twice.
let attempt = null;
let bagSeen = false;

function readBag() {
  try { return JSON.parse(sessionStorage.getItem(SLOT)) ?? []; } catch { return []; }
}

function changeBag(sku, quantity) {
  if (quantity > 0) bag.set(sku, quantity);
  else bag.delete(sku);
  sessionStorage.setItem(SLOT, JSON.stringify([...bag]));
  show(byId("refusal"));
  drawBag();
}

// --- the shelf

async function allProducts() {
  const items = [];
  let next = null;
  do {
    const page = await get(atShop(`/products?limit=100${next ? `&cursor=${encodeURIComponent(next)}` : ""}`));
    items.push(...page.items);
    next = page.next;
  } while (next && items.length < 500);
  return items;
}

async function lookAtShelf() {
  const place = byId("products");
  try {
    const items = await allProducts();
    products = new Map(items.map((item) => [item.sku, item]));
    showIfNew(place, items, () => items.length ? items.map(card) : empty());
    drawBag();
  } catch (error) {
    delete place.dataset.print;
    show(place, noticeOf(error, h("button", { class: "button small", onclick: lookAtShelf }, "Look again")));
  }
  return 8000;
}

const empty = () => h("div", { class: "empty" }, h("p", { class: "title" }, "The shelf is empty"), h("p", {}, "Put a product on it in the back office."));

function card(product) {
  const most = product.max_quantity || 1;
  const gone = product.stock_status === "out_of_stock";
  let quantity = 1;
  return h("article", { class: "card product" },
    art(product),
    h("div", { class: "body" },
      h("div", { class: "row between" }, h("span", { class: "price" }, money(product.price)), stockBadge(product.stock_status)),
      h("h3", {}, product.title),
      product.description && h("p", { class: "soft small" }, product.description),
      h("p", { class: "faint small" }, h("span", { class: "mono" }, product.sku), product.kind === "digital" ? "  ·  sent by mail" : "")),
    h("div", { class: "buy" },
      stepper({ value: 1, most: Math.max(most, 1), label: `quantity of ${product.title}`, changed: (value) => { quantity = value; } }),
      h("button", { class: "button", type: "button", disabled: gone, onclick: () => changeBag(product.sku, Math.min(most, (bag.get(product.sku) ?? 0) + quantity)) },
        gone ? "Sold out" : "Add to bag")));
}

// --- the bag

function drawBag() {
  const lines = [...bag].map(([sku, quantity]) => ({ sku, quantity, product: products.get(sku) })).filter((line) => line.product);
  const count = lines.reduce((sum, line) => sum + line.quantity, 0);
  const sum = lines.length && { amount: lines.reduce((total, line) => total + line.quantity * line.product.price.amount, 0), currency: lines[0].product.price.currency };
  byId("bag-count").textContent = count ? units(count) : "";
  byId("bag-empty").hidden = lines.length > 0;
  byId("bag-form").hidden = lines.length === 0;
  byId("bag-total").textContent = sum ? money(sum) : "";
  byId("bag-jump").hidden = bagSeen || lines.length === 0;
  byId("bag-jump").textContent = sum ? `Your bag: ${units(count)}, ${money(sum)}` : "";
  showIfNew(byId("bag-lines"), lines.map(({ sku, quantity, product }) => [sku, quantity, product.price, product.title]), () => lines.map(bagLine));
}

function bagLine({ sku, quantity, product }) {
  return h("div", { class: "bag-line" },
    h("span", { class: "strong" }, product.title),
    h("span", { class: "number end" }, money({ ...product.price, amount: product.price.amount * quantity })),
    stepper({ value: quantity, least: 0, most: Math.max(product.max_quantity || 1, quantity), label: `quantity of ${product.title} in the bag`, changed: (value) => changeBag(sku, value) }),
    h("button", { class: "button quiet small", type: "button", onclick: () => changeBag(sku, 0) }, "Remove"));
}

// --- the checkout

async function place() {
  const email = byId("email");
  email.setAttribute("aria-invalid", String(!email.checkValidity()));
  if (!email.checkValidity()) {
    show(byId("refusal"), notice("warn", "An e-mail address is needed", "The order and its keys are sent there."));
    return email.focus();
  }
  show(byId("refusal"));
  await busy(byId("place"), async () => {
    try {
      const order = await send(email.value.trim(), byId("accept-partial").checked, byId("provider").value);
      rememberOrder(order.id, order.order_token);
      bag.clear();
      sessionStorage.removeItem(SLOT);
      location.assign(`/shop/${shop}/orders/${order.id}`);
    } catch (error) {
      if (error instanceof Problem && error.status < 500) attempt = null;
      show(byId("refusal"), error.code === "insufficient_stock" ? shortage(error.facts.lines) : noticeOf(error));
      byId("refusal").scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
  });
}

async function send(email, acceptPartial, provider) {
  const lines = [...bag].filter(([sku]) => products.has(sku)).map(([sku, quantity]) => ({ sku, quantity }));
  const wish = JSON.stringify([lines, email, acceptPartial, provider]);
  if (attempt?.wish !== wish) {
    attempt = { wish, key: newKey(), session: (await call("POST", atShop("/checkout-sessions"), { body: { lines, email } })).data };
  }
  const { session, key } = attempt;
  const { data } = await call("POST", atShop(`/checkout-sessions/${session.id}/place-order`), {
    body: { payment: { provider }, accept_partial: acceptPartial },
    headers: { "X-Checkout-Token": session.checkout_token, "X-CSRF-Token": session.csrf_token, "Idempotency-Key": key },
  });
  return data;
}

// What is short, and a tap for each way out of it.
function shortage(lines) {
  const box = notice("warn", "Somebody was faster", null);
  for (const { sku, requested, available } of lines) {
    const product = products.get(sku);
    const name = product?.title ?? sku;
    const later = product?.on_shortage !== "reject";
    box.append(
      h("p", {}, available > 0 ? `Only ${available} of ${requested} left: ${name}.` : `None left: ${name}.`),
      h("div", { class: "row" },
        available > 0 && h("button", { class: "button primary small", type: "button", onclick: () => { changeBag(sku, available); place(); } }, `Take ${available}`),
        later && h("button", { class: "button small", type: "button", onclick: () => { byId("accept-partial").checked = true; place(); } },
          available > 0 ? `Take ${available} now, ${requested - available} later` : "Order it, it comes later"),
        available === 0 && h("button", { class: "button small", type: "button", onclick: () => changeBag(sku, 0) }, "Leave it out")));
  }
  return box;
}

// On a phone the bag lies below the shelf: a button leads there while it is out of sight.
new IntersectionObserver(([bagBox]) => { bagSeen = bagBox.isIntersecting; drawBag(); }).observe(byId("bag"));
byId("checkout").addEventListener("submit", (event) => { event.preventDefault(); place(); });
byId("email").value = sessionStorage.getItem("holdfast.email") ?? "";
byId("email").addEventListener("change", (event) => sessionStorage.setItem("holdfast.email", event.target.value));
keepLooking(lookAtShelf);
