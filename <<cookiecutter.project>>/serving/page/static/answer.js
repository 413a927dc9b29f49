// The answer: the number, the decision, and what drove it.

import { amount, at, bound, change, shown, write } from "./words.js";

const MOST = 8; // bars: with more, the first ones are no longer what is seen first
const panel = at("answer");
const { target, objective } = panel.dataset;
const binary = objective === "binary";

export function show(answer) {
  const [value] = answer.predictions;
  const meaning = binary ? `probability of ${target}` : `${target}, as expected`;
  at("nothing").hidden = true;
  at("stale").hidden = true;
  at("result").hidden = false;
  write("figure", amount(value, binary));
  write("meaning", meaning);
  at("scale").hidden = !binary;
  place(".filled", "width", value);
  const decided = decide(answer.decisions);
  at("decision").hidden = decided === "";
  write("decision", decided);
  write("by-release", answer.release.slice(0, 12));
  write("by-model", answer.model.slice(0, 12));
  write("why", "Asking…");
  at("drivers").hidden = true;
  write("rest", "");
  write("said", `${amount(value, binary)} ${meaning}. ${decided}`);
  const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
  panel.scrollIntoView({ block: "nearest", behavior: quiet ? "auto" : "smooth" });
}

function decide(decisions) {
  if (!decisions) return "";
  const [yes] = decisions;
  const threshold = bound(Number(panel.dataset.threshold), binary);
  return yes
    ? `${target}: yes, as the threshold of ${threshold} is reached.`
    : `${target}: no, as the threshold of ${threshold} is not reached.`;
}

// `reasons` is the explanation, or why there is none.
export function drive(reasons, row) {
  if (reasons instanceof Error) {
    const rules = (reasons.errors ?? []).map(({ rule }) => rule).join("; ");
    write("why", `That can’t be said now. ${reasons.message || rules}`);
    return;
  }
  const all = Object.entries(reasons.contributions);
  const ranked = all
    .filter(([, value]) => value !== 0)
    .sort(([, one], [, other]) => Math.abs(other) - Math.abs(one));
  const first = ranked.slice(0, MOST);
  const largest = Math.abs(first[0]?.[1] ?? 1);
  const unit = binary ? ", in percentage points" : "";
  write("why", `From ${amount(reasons.base, binary)}, the mean of recorded rows, each field ` +
    `raises (▲) or lowers (▼) the answer${unit}.`);
  at("drivers").tBodies[0].replaceChildren(
    ...first.map(([name, value]) => line(name, row[name], value, largest)),
  );
  at("drivers").hidden = first.length === 0;
  write("rest", rest(ranked.slice(MOST), all.filter(([, value]) => value === 0)));
}

function rest(smaller, none) {
  const sentences = [];
  if (smaller.length) {
    const sum = smaller.reduce((total, [, value]) => total + value, 0);
    sentences.push(`${smaller.length} more together: ${change(sum, binary)}.`);
  }
  if (none.length) sentences.push(`No effect: ${none.map(([name]) => label(name)).join(", ")}.`);
  return sentences.join(" ");
}

function line(name, own, value, largest) {
  const found = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.append(part("span", "field-name", label(name)), " ", part("span", "own", shown(own)));
  const effect = part("div", "effect", "");
  const raises = value > 0;
  const track = part("span", "track", "");
  track.setAttribute("aria-hidden", "true");
  const bar = part("span", raises ? "grows" : "shrinks", "");
  bar.style.width = `${(50 * Math.abs(value)) / largest}%`;
  track.append(bar);
  const size = part("span", "size", `${raises ? "▲" : "▼"} ${change(value, binary)}`);
  size.firstChild.before(part("span", "hidden", raises ? "raises: " : "lowers: "));
  effect.append(track, size);
  const cell = document.createElement("td");
  cell.append(effect);
  found.append(head, cell);
  return found;
}

function part(tag, name, text) {
  const found = document.createElement(tag);
  found.className = name;
  found.textContent = text;
  return found;
}

function label(name) {
  const control = document.querySelector(`[data-kind][name="${CSS.escape(name)}"]`);
  return control?.labels[0]?.textContent ?? name;
}

function place(selector, side, share) {
  at("scale").querySelector(selector).style[side] = `${100 * share}%`;
}

if (binary && panel.dataset.threshold) place(".mark", "left", Number(panel.dataset.threshold));
