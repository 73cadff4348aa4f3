// How values are shown. Every text reaches the page as text, never as markup.
const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const SMALL_DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 4 });
const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });

function shownValue(value, form) {
  if (value === null || value === undefined || value === "") return "";
  if (form === "status") return String(value).replaceAll("_", " ");
  if (typeof value === "string" && form !== "time") return value;
  if (form === "money") return (Math.abs(value) < 0.995 && value !== 0 ? SMALL_DOLLARS : DOLLARS).format(value);
  if (form === "percent") return `${NUMBER.format(value)} %`;
  if (form === "number" && typeof value === "number") return NUMBER.format(value);
  if (form === "time") return String(value).replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)\S*Z$/, "$1 $2 UTC");
  return String(value);
}

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// `{name}` in a link is the row's value of that column.
function filledLink(link, rows, row) {
  return link.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(rows.value(row, name) ?? ""));
}

function filledCell(parent, column, rows, row) {
  const value = rows.value(row, column.name);
  const text = shownValue(value, column.form);
  if (column.form === "status" && text !== "") {
    const status = element("span", { className: "status" }, text);
    status.classList.add(String(value).replace(/\W/g, "_"));
    parent.append(status);
  } else if (column.form === "coverage") {
    const [sign, ...words] = text.split(" ");
    const square = element("span", { className: `heat ${words.join("_")}`, title: words.join(" ") }, sign);
    square.setAttribute("aria-hidden", "true");
    if (text !== "") parent.append(square, element("span", { className: "unseen" }, words.join(" ")));
  } else if (column.link && text !== "") {
    const link = element("a", { href: filledLink(column.link, rows, row) });
    link.append(column.form === "code" ? element("code", {}, text) : text);
    parent.append(link);
  } else if (column.form === "prose") {
    parent.append(...text.split(/`([^`]+)`/).map((part, place) => (place % 2 === 1 ? element("code", {}, part) : part)));
  } else if (column.form === "code" && text !== "") {
    parent.append(element("code", {}, text));
  } else {
    parent.append(text);
  }
  const below = column.below ? shownValue(rows.value(row, column.below), "text") : "";
  if (below !== "" && below !== text) parent.append(element("span", { className: "below" }, below));
  if (["code", "word", "time"].includes(column.form)) parent.classList.add("word");
  if (["number", "money", "percent"].includes(column.form)) parent.classList.add("number");
  return parent;
}
