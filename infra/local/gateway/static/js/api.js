// The public API, as any client would call it.
export const shop = document.body.dataset.shop;

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The API answered ${status}.`);
    this.status = status;
    this.code = body.code ?? "unreadable_answer";
    this.facts = body;
  }
}

export class Unreachable extends Error {}

// One exchange with everything that was sent and came back; a refusal is an answer too.
export async function exchange(method, path, { body, raw, headers = {} } = {}) {
  const sent = { method, path, headers: { ...headers }, body: raw ?? (body === undefined ? undefined : JSON.stringify(body)) };
  if (body !== undefined) sent.headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`/v1${path}`, { method, headers: sent.headers, body: sent.body, cache: "no-store", credentials: "omit" });
  } catch {
    throw new Unreachable("The local gateway does not answer. Is it still running?");
  }
  const text = await answer.text();
  let data = null;
  try { data = text ? JSON.parse(text) : null; } catch { /* not JSON: the text says it */ }
  return { sent, status: answer.status, ok: answer.ok, date: answer.headers.get("Date"), replayed: answer.headers.get("Idempotent-Replayed") === "true", text, data };
}

export async function call(method, path, options) {
  const answer = await exchange(method, path, options);
  if (!answer.ok) throw new Problem(answer.status, answer.data ?? {});
  return answer;
}

export const get = async (path, headers) => (await call("GET", path, { headers })).data;
export const atShop = (rest, of = shop) => `/shops/${encodeURIComponent(of)}${rest}`;
export const newKey = () => crypto.randomUUID();

// The guest's proof of an order stays in this browser; it is in the links of the mails as well.
const orderSlot = (order) => `holdfast.order.${order}`;
export const rememberOrder = (order, token, of = shop) => localStorage.setItem(orderSlot(order), JSON.stringify({ token, shop: of }));
export function recallOrder(order) {
  try { return JSON.parse(localStorage.getItem(orderSlot(order))) ?? null; } catch { return null; }
}
