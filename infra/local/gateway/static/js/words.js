// What the API says in codes, said to a person.
import { h } from "./dom.js";
import { Problem } from "./api.js";

export function money({ amount, currency }) {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount / 10 ** digits);
}

export const clockTime = (at) => new Date(at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const dayAndTime = (at) => new Date(at).toLocaleString(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const units = (count, word = "unit") => `${count} ${word}${count === 1 ? "" : "s"}`;

export function badge(kind, text, live = false) {
  return h("span", { class: `badge ${kind}${live ? " live" : ""}` }, text);
}

const STOCK = {
  in_stock: ["good", "In stock"],
  low_stock: ["warn", "Few left"],
  out_of_stock: ["bad", "Sold out"],
  backorder: ["info", "On back-order"],
};
export const stockBadge = (status) => badge(...(STOCK[status] ?? ["", status]));

const STATUS = {
  pending_payment: ["warn", "Waiting for payment", true],
  paid: ["info", "Paid", true],
  completed: ["good", "Complete"],
  partially_fulfilled: ["info", "Part delivered"],
  awaiting_stock: ["info", "Awaiting stock"],
  processing: ["info", "Ready to pick"],
  expired: ["bad", "Hold ran out"],
  cancelled: ["", "Cancelled"],
  payment_failed: ["bad", "Payment failed"],
  payment_review: ["warn", "Payment in review"],
  refunded: ["", "Refunded"],
};
export const statusBadge = (status) => badge(...(STATUS[status] ?? ["", status]));
export const statusWord = (status) => (STATUS[status] ?? ["", status])[1];

const EVENTS = {
  placed: "Order placed, units held",
  hold_extended: "Hold extended",
  paid: "Payment received",
  completed: "Everything delivered",
  partially_fulfilled: "Part delivered, the rest is owed",
  awaiting_stock: "Waiting for stock",
  keys_added: "More keys delivered",
  stock_allocated: "Stock set aside for you",
  processing: "Ready to be picked",
  expired: "The hold ran out, units are free again",
  cancelled: "Order cancelled",
  payment_failed: "Payment declined",
  payment_review: "Payment needs a look",
  refunded: "Money given back",
};
// `order.partially_fulfilled.v1` -> its sentence; an event that is newer than this page shows its own name.
export function eventWord(type) {
  const name = type.replace(/^order\./, "").replace(/\.v\d+$/, "");
  return EVENTS[name] ?? name.replaceAll(/[._]/g, " ").replace(/^./, (letter) => letter.toUpperCase());
}
export const isBadEvent = (type) => /expired|failed|refunded|cancelled/.test(type);

const PROBLEMS = {
  insufficient_stock: ["Not enough left", "Somebody was faster."],
  quantity_above_maximum: ["That is more than one order may take", ""],
  too_many_lines: ["Too many different things in one bag", ""],
  unknown_sku: ["One of these is no longer sold", "Take it out of the bag and try again."],
  validation_failed: ["Something in the form is not right", ""],
  hold_expired: ["The hold has run out", "The units went back on the shelf. You can order again."],
  hold_already_extended: ["Only one extension per order", "Pay before the time runs out."],
  session_expired: ["This checkout is too old", "Please try again."],
  session_already_ordered: ["This was ordered already", "Open the order from the mail, or start again."],
  mixed_currencies: ["Two currencies in one bag", "Please order them one after the other."],
  order_not_cancellable: ["This order can no longer be cancelled", ""],
  order_token_missing: ["This link is not complete", "Open the order from the mail, or in the browser that placed it."],
  checkout_token_missing: ["This checkout is no longer known here", "Please try again."],
  csrf_token_invalid: ["This checkout is no longer valid", "Please try again."],
  idempotency_key_in_flight: ["This order is being placed already", "Give it a moment."],
  idempotency_key_reused: ["This was already sent with other contents", "Please try again."],
  api_key_invalid: ["This key does not open the shop", ""],
  api_key_missing: ["A key is needed here", ""],
  scope_missing: ["This key may not do that", ""],
  not_found: ["Not found", ""],
  local_stack_down: ["The local stack is not running", ""],
  emulator_broke_off: ["The answer got lost", "Trying again is safe: it will not order twice."],
  emulator_timeout: ["That took too long", "Trying again is safe: it will not order twice."],
};

export function noticeOf(error, ...actions) {
  if (!(error instanceof Problem)) return notice("bad", "No answer", error.message, ...actions);
  const [title, kind] = PROBLEMS[error.code] ?? [error.facts.title ?? "That did not work", ""];
  const fields = (error.facts.errors ?? []).map((item) => `${item.pointer || "request"}: ${item.detail}`).join("; ");
  const parts = notice(error.status >= 500 ? "bad" : "warn", title, fields || kind || error.message, ...actions);
  parts.append(h("p", { class: "request mono" }, [error.status, error.code, error.facts.request_id].filter(Boolean).join("  ")));
  return parts;
}

export function notice(kind, title, text, ...actions) {
  return h("div", { class: `notice ${kind} fade-in` }, h("p", { class: "title" }, title), text && h("p", {}, text), actions.length > 0 && h("div", { class: "row" }, actions));
}
