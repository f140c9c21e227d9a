import { byId, busy, h, show, showIfNew, keepLooking } from "./dom.js";
import { Problem, atShop, call, get, newKey, recallOrder, rememberOrder, shop } from "./api.js";
import { clockTime, eventWord, isBadEvent, money, notice, noticeOf, statusBadge, units } from "./words.js";
import { deadlineOf, ring } from "./clock.js";

const id = document.body.dataset.order;
const root = byId("order");

// A link from a mail carries the token; it leaves the address bar at once and stays in this browser.
const back = new URLSearchParams(location.search);
const given = back.get("token");
if (given) {
  rememberOrder(id, given);
  history.replaceState(null, "", location.pathname);
}
const token = recallOrder(id)?.token;
const mine = token ? { "X-Order-Token": token } : {};

// Back from a payment provider: what it gave along is told to the shop, which asks the provider itself.
const BROUGHT = ["razorpay_payment_id", "razorpay_order_id", "razorpay_signature"];

const places = Object.fromEntries(["head", "next", "lines", "keys", "story"].map((name) => [name, h("div")]));
const refusal = h("div", { role: "alert" });
let revealed = null;
let timer = null;
let drawn = false;

function frame() {
  drawn = true;
  timer = ring(look);
  show(root, h("div", { class: "stack" }, places.head, h("div", { class: "two" },
    h("div", { class: "stack" }, places.next, places.keys, h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "What you ordered")), places.lines)),
    h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "What happened")), places.story))));
}

// --- the parts

const STEPS = ["Held", "Paid", "Delivered"];
const REACHED = { pending_payment: 0, payment_review: 1, paid: 1, awaiting_stock: 1, processing: 1, partially_fulfilled: 2, completed: 3 };

function drawHead(order) {
  const reached = REACHED[order.status];
  const kind = (step) => (reached === undefined ? "" : step < reached ? "done" : step === reached ? "now" : "");
  showIfNew(places.head, [order.status, order.number], () => h("header", {},
    h("div", { class: "row between" }, h("h1", {}, `Order ${order.number}`), statusBadge(order.status)),
    h("p", { class: "lede" }, `for ${order.email ?? "you"}`),
    reached !== undefined && h("ol", { class: "steps", "aria-label": "progress" }, STEPS.map((word, step) => h("li", { class: kind(step), "aria-current": kind(step) === "now" && "step" }, word)))));
}

// Where a real shop sends its customer on, or opens the provider's own window, this one opens the provider's stand-in.
function payAddress(order) {
  const { pay_url: sandbox, url, order_id: razorpay } = order.payment.client;
  if (url) return url.replace("https://", "/providers/");
  if (razorpay) return `/providers/checkout.razorpay.com/pay/${razorpay}?back=${encodeURIComponent(location.pathname)}`;
  const address = new URL(sandbox, location.href);
  return ["127.0.0.1", "localhost"].includes(address.hostname) ? address.pathname : address.href; // one origin, so that the browser keeps its orders in one place
}

async function comeBack(order) {
  const brought = Object.fromEntries(BROUGHT.filter((name) => back.has(name)).map((name) => [name, back.get(name)]));
  back.delete("paid");
  BROUGHT.forEach((name) => back.delete(name));
  history.replaceState(null, "", location.pathname);
  try {
    await call("POST", atShop(`/orders/${id}/payment-confirmation`), { body: { payment_id: order.payment.id, ...brought }, headers: mine });
  } catch { /* then the provider's webhook will tell it */ }
}

const cameBack = () => back.has("paid") || BROUGHT.some((name) => back.has(name));

const owed = (order) => order.lines.reduce((sum, line) => sum + line.owed, 0);

function drawNext(order, date) {
  const waiting = order.status === "pending_payment" && order.hold;
  if (waiting) timer.sync(deadlineOf(order.hold, date));
  showIfNew(places.next, [order.status, owed(order), Boolean(waiting)], () => (waiting ? holdCard(order) : outcome(order)));
}

function holdCard(order) {
  return h("section", { class: "card stack", "aria-labelledby": "hold-title" },
    h("div", { class: "hold" }, timer.element, h("div", { class: "stack tight" }, h("h2", { id: "hold-title" }, "Held for you"),
      h("p", { class: "soft" }, "Nobody else can buy these units while the time runs. It is the shop's clock, not yours."))),
    h("a", { class: "button primary block", href: payAddress(order) }, `Pay ${money(order.totals.total)}`),
    h("div", { class: "row" }, act("More time", "/hold/extend"), act("Cancel the order", "/cancel", "danger")),
    refusal);
}

function act(word, path, kind = "") {
  return h("button", { class: `button small ${kind}`, type: "button", onclick: (event) => busy(event.currentTarget, async () => {
    show(refusal);
    try {
      await call("POST", atShop(`/orders/${id}${path}`), { body: {}, headers: { ...mine, "Idempotency-Key": newKey() } });
    } catch (error) { show(refusal, noticeOf(error)); }
    await look();
  }) }, word);
}

function outcome(order) {
  const again = h("a", { class: "button small", href: `/shop/${shop}` }, "Back to the shop");
  const rest = owed(order);
  switch (order.status) {
    case "pending_payment": return notice("warn", "The hold has run out", "If you have paid already, your money is on its way here; the shop then takes the units again, or gives the money back.", h("a", { class: "button small", href: payAddress(order) }, "Pay late"), again);
    case "paid": return notice("info", "Paid, thank you", "Your order is being put together.");
    case "completed": return notice("good", "All yours", "Everything was delivered. A mail with the same is on its way.");
    case "partially_fulfilled": return notice("info", `${units(rest)} to come`, "They follow by themselves when stock returns. You need not do anything.");
    case "awaiting_stock": return notice("info", `You are in the queue for ${units(rest)}`, "Whoever paid first is served first. A mail comes with your delivery.");
    case "processing": return notice("good", "Paid and ready to be picked", "Your parcel is next.");
    case "expired": return notice("warn", "The hold ran out", "The units are back on the shelf.", h("a", { class: "button small", href: payAddress(order) }, "I pay all the same"), again);
    case "payment_failed": return notice("bad", "The payment was declined", "Nothing was charged and the units are free again.", again);
    case "refunded": return notice("warn", "Your money is on its way back", "The shop could not keep this order.", again);
    case "cancelled": return notice("info", "Cancelled", "The units are back on the shelf.", again);
    default: return null;
  }
}

function drawLines(order) {
  showIfNew(places.lines, [order.lines, order.totals], () => [
    h("ul", {}, order.lines.map((line) => h("li", { class: "order-line" },
      h("span", { class: "strong" }, line.title),
      h("span", { class: "number end" }, money({ ...line.unit_price, amount: line.unit_price.amount * line.quantity })),
      h("span", { class: "soft small" }, `${line.quantity} × ${money(line.unit_price)}`),
      h("span", { class: "soft small end" }, [line.fulfilled > 0 && `${line.fulfilled} delivered`, line.owed > 0 && `${line.owed} to come`].filter(Boolean).join(", "))))),
    h("div", { class: "total" }, h("span", {}, "Total"), h("span", { class: "number" }, money(order.totals.total)))]);
}

function drawKeys(order) {
  const delivered = order.lines.reduce((sum, line) => sum + line.fulfilled, 0);
  const here = ["completed", "partially_fulfilled", "awaiting_stock"].includes(order.status) && delivered > 0;
  showIfNew(places.keys, [here, delivered, revealed], () => !here ? null : h("section", { class: "card", "aria-labelledby": "keys-title" },
    h("div", { class: "card-head" }, h("h2", { id: "keys-title" }, "Your keys"), h("span", { class: "soft small" }, `${delivered} delivered`)),
    revealed?.length
      ? h("ul", { class: "key-list" }, revealed.map((item) => h("li", {}, h("code", {}, item.key), copyButton(item.key))))
      : h("p", { class: "soft" }, "They are in your mail too. Each look here is written down in the order."),
    (revealed?.length ?? 0) < delivered && h("div", { class: "row" }, h("button", { class: "button small", type: "button", onclick: (event) => busy(event.currentTarget, reveal) }, revealed ? "Show the new ones" : "Show my keys"))));
}

async function reveal() {
  try {
    revealed = (await get(atShop(`/orders/${id}/keys`), mine)).items;
    await look();
  } catch (error) { show(places.keys, noticeOf(error)); }
}

function copyButton(text) {
  return h("button", { class: "button quiet small", type: "button", onclick: async (event) => {
    const button = event.currentTarget;
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } }, "Copy");
}

function drawStory(events) {
  showIfNew(places.story, events, () => h("ol", { class: "timeline" }, events.map((event) => h("li", { class: isBadEvent(event.type) && "bad" },
    h("div", { class: "row between" }, h("span", { class: "strong" }, eventWord(event.type)), h("time", { datetime: event.at }, clockTime(event.at))),
    event.reason && h("p", { class: "soft small" }, event.reason)))));
}

// --- looking

const RESTING = new Set(["completed", "expired", "cancelled", "payment_failed", "refunded"]);

async function look() {
  try {
    const [answer, story] = await Promise.all([call("GET", atShop(`/orders/${id}`), { headers: mine }), get(atShop(`/orders/${id}/events`), mine)]);
    if (cameBack()) {
      await comeBack(answer.data);
      return look();
    }
    if (!drawn) frame();
    drawHead(answer.data);
    drawNext(answer.data, answer.date);
    drawKeys(answer.data);
    drawLines(answer.data);
    drawStory([...story.items].sort((a, b) => a.at.localeCompare(b.at)));
    document.title = `Order ${answer.data.number}`;
    return RESTING.has(answer.data.status) ? 5000 : 1000;
  } catch (error) {
    if (!drawn || (error instanceof Problem && error.status < 500)) show(root, noticeOf(error, h("a", { class: "button small", href: `/shop/${shop}` }, "Back to the shop")));
    drawn = false;
    return 4000;
  }
}

keepLooking(look);
