// The form asks the service as any client does, and shows what it says.

import { at, write } from "./words.js";
import { drive, show } from "./answer.js";

const KEY = "must be a key that this service knows";
const PATIENCE = 30000; // ms: longer than a service may take for one request
const form = at("ask");
const controls = [...form.querySelectorAll("[data-kind]")];
const send = at("send");
const key = at("key"); // null where no key is asked for
let examples = null;
let next = 0;
let asked = 0; // the newest question; what is answered to an older one is not shown

class Failure extends Error {
  constructor(text, errors = []) {
    super(text);
    this.errors = errors;
  }
}

// What a control says, as JSON has it; null for unknown.
function value(control) {
  const text = control.value;
  if (control.validity.badInput) throw new Failure("must be a number");
  if (text === "") {
    if (control.getAttribute("aria-required")) throw new Failure("needs a value");
    return null;
  }
  if (control.dataset.kind === "choice") return JSON.parse(text);
  if (control.dataset.kind === "text") return text;
  const number = Number(text);
  if (!Number.isFinite(number)) throw new Failure("must be a number");
  return number;
}

function row() {
  const found = {};
  const errors = [];
  for (const control of controls) {
    try {
      found[control.name] = value(control);
    } catch (failure) {
      errors.push({ field: control.name, rule: failure.message });
    }
  }
  if (errors.length) throw new Failure("", errors);
  return found;
}

async function ask(path, body) {
  const headers = { "Content-Type": "application/json" };
  if (key?.value) headers.Authorization = `Bearer ${key.value}`;
  let response;
  let said = null;
  try {
    response = await fetch(path, {
      method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE),
    });
    said = await response.json();
  } catch (error) {
    if (error.name === "TimeoutError") {
      throw new Failure("The service did not answer in time. Try again.");
    }
    if (!response) {
      throw new Failure("The service can’t be reached. Look at the connection, then try again.");
    }
  }
  if (response.ok && said) return said;
  const wait = Number(response.headers.get("Retry-After"));
  const again = wait ? `Try again in ${wait} seconds.` : "Try again in a moment.";
  if (response.status === 401 && key) throw new Failure("", [{ field: "", rule: KEY }]);
  if (response.status === 429) throw new Failure(`The service is busy. ${again}`);
  if (response.status === 503) throw new Failure(`The service is not ready. ${again}`);
  if (said && Array.isArray(said.errors)) throw new Failure("", said.errors);
  throw new Failure(`The service could not answer (status ${response.status}). ${again}`);
}

function clear() {
  write("problem", "");
  for (const control of marked()) mark(control, "");
}

function marked() {
  return key ? [key, ...controls] : controls;
}

// As errors name it: no field of a contract is called nothing.
function named(control) {
  return control === key ? "" : control.name;
}

function mark(control, text) {
  const place = at(`${control.id}-error`);
  place.textContent = text;
  place.hidden = text === "";
  if (text) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

// Each error at its field, what has no field above the button; the first one gets the focus.
function refuse(failure) {
  const rules = new Map();
  const others = failure.message ? [failure.message] : [];
  for (const { field, rule } of failure.errors) {
    if (marked().some((control) => named(control) === field)) {
      rules.set(field, [...(rules.get(field) ?? []), rule]);
    } else {
      others.push(field ? `${field}: ${rule}` : rule);
    }
  }
  let first = null;
  for (const control of marked()) {
    const broken = rules.get(named(control));
    if (!broken) continue;
    mark(control, sentence(broken.join("; ")));
    first ??= control;
  }
  if (rules.size === 1) others.unshift("One field can’t be taken as it is.");
  if (rules.size > 1) others.unshift(`${rules.size} fields can’t be taken as they are.`);
  write("problem", others.map(sentence).join(" "));
  if (first) first.focus();
  else at("problem").scrollIntoView({ block: "nearest" });
}

function sentence(text) {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(upper) ? upper : `${upper}.`;
}

async function predict(event) {
  event.preventDefault();
  const turn = ++asked;
  clear();
  send.setAttribute("aria-busy", "true");
  send.textContent = "Asking…";
  try {
    const rows = [row()];
    const answer = await ask("predict", { rows });
    if (turn !== asked) return;
    show(answer);
    const reasons = await ask("explain", { rows }).catch((failure) => failure);
    if (turn === asked) drive(reasons, rows[0]);
  } catch (failure) {
    if (turn !== asked) return;
    if (!(failure instanceof Failure)) throw failure;
    refuse(failure);
  } finally {
    if (turn === asked) {
      send.removeAttribute("aria-busy");
      send.textContent = "Predict";
    }
  }
}

async function fill() {
  try {
    examples ??= await (await fetch("page/examples.json")).json();
  } catch {
    refuse(new Failure("The recorded rows can’t be fetched. Look at the connection, then try again."));
    return;
  }
  if (!examples.length) {
    refuse(new Failure("This release has no recorded rows."));
    return;
  }
  clear();
  const chosen = examples[next];
  for (const control of controls) {
    const known = chosen[control.name] ?? null;
    const json = control.dataset.kind === "choice";
    control.value = known === null ? "" : json ? JSON.stringify(known) : String(known);
  }
  next = (next + 1) % examples.length;
  changed();
  write("said", `A recorded row is filled in: ${next || examples.length} of ${examples.length}.`);
}

// What is shown belongs to the row that was asked about.
function changed() {
  asked++;
  send.removeAttribute("aria-busy");
  send.textContent = "Predict";
  at("stale").hidden = at("result").hidden;
}

form.addEventListener("submit", predict);
form.addEventListener("input", (event) => {
  if (event.target.dataset.kind) changed();
});
at("fill").addEventListener("click", fill);
