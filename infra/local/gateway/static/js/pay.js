// The sandbox provider's pay page. It plays three parts: the buyer at the till, the provider's postman, and a few villains.
import { byId, h, show, showIfNew, keepLooking } from "./dom.js";
import { atShop, exchange, get, recallOrder } from "./api.js";
import { badge, money, notice, noticeOf } from "./words.js";
import { deadlineOf, secondsUntil, spoken } from "./clock.js";

const id = document.body.dataset.payment;
const GRACE = Number(document.body.dataset.grace);
const tape = byId("tape");
const path = `/sandbox/payments/${encodeURIComponent(id)}`;
let payment = null;
let taped = 0;

const guest = () => recallOrder(payment.order_id);

// --- the till

const STATUS = { pending: ["warn", "Not paid yet"], succeeded: ["good", "Paid"], failed: ["bad", "Declined"], expired: ["bad", "Expired"], refunded: ["", "Refunded"] };

async function look() {
  try {
    payment = await get(path);
    showIfNew(byId("till"), payment, () => [
      h("p", { class: "soft" }, `Pay to shop ${payment.shop}`),
      h("p", { class: "amount" }, money(payment)),
      h("p", {}, badge(...(STATUS[payment.status] ?? ["", payment.status]))),
      h("p", { class: "back" }, h("a", { class: payment.status === "pending" ? "small" : "button primary", href: `/shop/${payment.shop}/orders/${payment.order_id}` }, "Back to the order"))]);
    drawActs();
  } catch (error) { show(byId("till"), noticeOf(error)); }
  return 3000;
}

// --- the tape: everything that left this page and everything that came back

async function send(title, method, where, options) {
  const answer = await exchange(method, where, options);
  if (taped++ === 0) tape.replaceChildren();
  tape.prepend(entry(title, answer));
  return answer;
}

function entry(title, { sent, status, ok, text, data }) {
  const headers = Object.entries(sent.headers).map(([name, value]) => `${name}: ${/token/i.test(name) ? `${value.slice(0, 8)}…` : value}`).join("\n");
  return h("li", { class: "fade-in" },
    h("div", { class: "row between" }, h("span", { class: "strong" }, title), badge(ok ? "good" : status < 500 ? "warn" : "bad", `${status}${data?.code ? ` ${data.code}` : ""}`)),
    h("p", { class: "verb soft" }, `${sent.method} /v1${sent.path}`),
    h("details", {}, h("summary", {}, "Sent and answered"), h("div", { class: "pair" },
      h("pre", { tabindex: 0, "aria-label": "sent" }, [headers, sent.body && pretty(sent.body)].filter(Boolean).join("\n\n") || "(no headers, no body)"),
      h("pre", { tabindex: 0, "aria-label": "answered" }, pretty(text) || "(empty)"))));
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

// --- what the buttons are made of

// The provider changes its book and hands out the signed event; this page is the postman.
async function atProvider(action) {
  const answer = await send(`The provider's book: ${action}`, "POST", `${path}/actions`, { body: { action } });
  return answer.ok ? answer.data.webhook : null;
}

const deliver = (webhook, title = "The provider's webhook to the shop", headers = {}) =>
  send(title, "POST", webhook.path, { raw: webhook.body, headers: { ...webhook.headers, ...headers } });

async function comeBack() {
  const known = guest();
  if (!known) return;
  await send("The browser comes back to the shop", "POST", atShop(`/orders/${payment.order_id}/payment-confirmation`, payment.shop),
    { body: { payment_id: id }, headers: { "X-Order-Token": known.token } });
}

async function act(action, ...thenDo) {
  const webhook = await atProvider(action);
  if (!webhook) return;
  for (const step of thenDo) await step(webhook);
}

// Nobody but the provider can sign; a villain can only guess.
function forge() {
  const event = { id: "evt_FORGED", type: "payment.succeeded", created_at: new Date().toISOString(),
    data: { payment_id: id, order_id: payment.order_id, shop: payment.shop, amount: payment.amount, currency: payment.currency, status: "succeeded" } };
  const guess = [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { path: atShop("/webhooks/payments/sandbox", payment.shop), body: JSON.stringify(event),
    headers: { "Content-Type": "application/json", "X-Sandbox-Signature": `t=${Math.floor(Date.now() / 1000)},v1=${guess}` } };
}

async function holdLeft() {
  const known = guest();
  if (!known) return 0;
  const answer = await exchange("GET", atShop(`/orders/${payment.order_id}`, payment.shop), { headers: { "X-Order-Token": known.token } });
  return answer.ok && answer.data.hold ? secondsUntil(deadlineOf(answer.data.hold, answer.date)) : 0;
}

// One second more than the grace: seconds_left is a whole number.
async function payLate() {
  const end = performance.now() + ((await holdLeft()) + GRACE + 1) * 1000;
  const digits = h("b", { class: "number" }, "");
  const give = h("button", { class: "button small", type: "button" }, "Stop waiting");
  let stopped = false;
  give.addEventListener("click", () => { stopped = true; });
  show(byId("waiting"), h("div", { class: "notice warn later" }, h("p", {}, "Waiting until the hold and its grace are over: ", digits, " s"), h("div", { class: "row" }, give)));
  while (!stopped && performance.now() < end) {
    digits.textContent = spoken(secondsUntil(end));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  show(byId("waiting"));
  if (!stopped) await act("pay", deliver);
}

// --- the buttons

const open = () => payment.status === "pending";
const ACTS = [
  { word: "Pay", say: "The provider tells the shop, the browser comes back.", when: open, primary: true, run: () => act("pay", deliver, comeBack) },
  { word: "Decline", say: "The card is refused; the units go back.", when: open, run: () => act("decline", deliver) },
  { word: "Pay and close the tab", say: "Nobody comes back: the webhook alone must do.", when: open, run: () => act("pay", deliver, closeTab) },
  { word: "Pay twice", say: "The same event is delivered two times.", when: open, run: () => act("pay", deliver, (event) => deliver(event, "The same webhook again")) },
  { word: "Pay after the hold ran out", say: "Waits for the end of the hold and its grace, then pays.", when: open, run: payLate },
  { word: "Bad signature", say: "A stranger claims that it is paid. It must be refused.", when: () => true, run: () => deliver(forge(), "A forged webhook") },
  { word: "Refund", say: "The provider gives the money back.", when: () => payment.status === "succeeded", run: () => act("refund", deliver) },
];

async function closeTab() {
  show(byId("waiting"), notice("info", "The tab would be closed now", "The shop has heard of the payment by webhook only. Look at the order: it is paid all the same.",
    h("a", { class: "button small", href: `/shop/${payment.shop}/orders/${payment.order_id}` }, "Look at the order")));
}

let running = false;
function drawActs() {
  showIfNew(byId("acts"), [payment.status, running], () => ACTS.map(({ word, say, when, primary, run }) =>
    h("button", { class: `button act ${primary ? "primary" : ""}`, type: "button", disabled: running || !when(), onclick: () => press(run) }, word, h("span", {}, say))));
}

async function press(run) {
  running = true;
  show(byId("waiting"));
  drawActs();
  try { await run(); } catch (error) { show(byId("waiting"), noticeOf(error)); }
  running = false;
  await look();
}

keepLooking(look);
