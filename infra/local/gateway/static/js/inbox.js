import { byId, h, show, showIfNew, keepLooking } from "./dom.js";
import { clockTime, dayAndTime } from "./words.js";

let mails = [];
let chosen = null;
let view = "html";

async function look() {
  const sign = byId("live");
  try {
    const answer = await fetch("/_gateway/mails", { cache: "no-store" });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail);
    mails = body.items;
    sign.className = "badge good live";
    sign.textContent = "listening";
  } catch (error) {
    sign.className = "badge bad";
    sign.textContent = "not connected";
    if (!mails.length) show(byId("mails"), h("p", { class: "soft small" }, error.message));
    return 3000;
  }
  draw();
  return 2000;
}

function draw() {
  if (!mails.some((mail) => mail.id === chosen)) chosen = mails[0]?.id ?? null;
  showIfNew(byId("mails"), [mails.map((mail) => mail.id), chosen], () => (mails.length ? mails.map(line) : h("p", { class: "soft small" }, "No mail yet.")));
  const mail = mails.find((one) => one.id === chosen);
  showIfNew(byId("letter"), [chosen, view], () => (mail ? letter(mail) : empty()));
}

const isToday = (at) => new Date(at).toDateString() === new Date().toDateString();

function line(mail) {
  return h("div", { role: "listitem" }, h("button", { class: "mail", type: "button", "aria-current": String(mail.id === chosen), onclick: () => { chosen = mail.id; draw(); byId("letter").scrollIntoView({ block: "nearest", behavior: "smooth" }); } },
    h("b", {}, mail.subject), h("time", { datetime: mail.at }, mail.at ? (isToday(mail.at) ? clockTime(mail.at) : dayAndTime(mail.at)) : ""), h("span", {}, mail.to.join(", "))));
}

function letter(mail) {
  const asHtml = mail.has_html && view === "html";
  const tab = (name, word) => h("button", { type: "button", role: "tab", "aria-selected": String(name === (asHtml ? "html" : "text")), disabled: name === "html" && !mail.has_html, onclick: () => { view = name; draw(); } }, word);
  return [
    h("header", {},
      h("div", { class: "row between" }, h("h2", {}, mail.subject), h("div", { class: "tabs", role: "tablist", "aria-label": "which part" }, tab("html", "As seen"), tab("text", "Text"))),
      h("p", { class: "soft small" }, `from ${mail.from} to ${mail.to.join(", ")}${mail.at ? `, ${dayAndTime(mail.at)}` : ""}`)),
    asHtml
      ? h("iframe", { src: `/_gateway/mails/${encodeURIComponent(mail.id)}/html`, sandbox: "allow-popups allow-popups-to-escape-sandbox", title: `Mail: ${mail.subject}` })
      : h("pre", { tabindex: 0 }, mail.text || "(no text part)")];
}

const empty = () => h("div", { class: "empty" }, h("p", { class: "title" }, "Nothing has been sent yet"), h("p", {}, "Buy something: the mail is here a second after the payment."));

keepLooking(look);
