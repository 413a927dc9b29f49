// Numbers as people read them, and places to write.

export function at(id) {
  return document.getElementById(id);
}

export function write(id, text) {
  at(id).textContent = text;
}

const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: "min2" });
const percent = new Intl.NumberFormat("en", {
  style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
});
const threshold = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const points = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero",
});
const signed = new Intl.NumberFormat("en", {
  maximumSignificantDigits: 3, signDisplay: "exceptZero",
});

// A prediction: a share where it is a probability.
export function amount(value, binary) {
  return binary ? percent.format(value).replace("%", " %") : plain.format(value);
}

export function bound(value, binary) {
  return binary ? threshold.format(value).replace("%", " %") : plain.format(value);
}

// What a field adds: in percentage points where the prediction is a share.
export function change(value, binary) {
  return (binary ? points.format(100 * value) : signed.format(value)).replace("-", "−");
}

export function shown(value) {
  if (value === null) return "unknown";
  if (value === true) return "yes";
  if (value === false) return "no";
  return typeof value === "number" ? plain.format(value).replace("-", "−") : String(value);
}
