// Tables that sort, filter, page and open rows; `#table?column=value&q=words` in an address sets the filters of one.
const MOST_PLAIN_ROWS = 50; // of a table whose rows are in the page as they are, at a time
const VIEWS = new Map();

class TableView {
  constructor(root, name, rows, plainRows) {
    Object.assign(this, { root, name, rows, plainRows, page: 0, sorted: null, filters: new Map(), words: "" });
    const most = matchMedia("(max-width: 700px)").matches ? 10 : Infinity; // a card for each takes much of a phone
    this.size = plainRows ? MOST_PLAIN_ROWS : Math.min(Number(root.dataset.page), most);
    this.columns = [...root.querySelectorAll("thead th")].map((head) => ({
      head,
      name: head.dataset.column,
      form: head.dataset.form,
      link: head.dataset.link,
      below: head.dataset.below,
      choice: "choice" in head.dataset,
      detail: "detail" in head.dataset,
      heading: head.textContent.trim(),
    }));
    this.cells = this.columns.filter((column) => !column.detail);
    this.details = this.columns.filter((column) => column.detail);
    this.explain = plainRows ? undefined : explainLink();
    this.body = root.querySelector("tbody");
    this.complete = Boolean(plainRows);
    this.makeControls();
    this.makeHeads();
  }

  makeControls() {
    const label = this.root.querySelector("caption").textContent;
    this.search = element("input", { type: "search", placeholder: "Filter", "aria-label": `Filter: ${label}` });
    this.search.addEventListener("input", () => this.change(() => (this.words = this.search.value)));
    this.choices = this.columns.filter((column) => column.choice).map((column) => this.choice(column));
    this.order = element("select", { "aria-label": `Sort: ${label}` });
    this.order.append(element("option", { value: "" }, "Sort by …"));
    for (const { name, heading } of this.cells) {
      this.order.append(element("option", { value: name }, `${heading} ↑`), element("option", { value: `-${name}` }, `${heading} ↓`));
    }
    this.order.addEventListener("change", () => this.sort(this.order.value));
    this.chips = element("span", { className: "chips" });
    this.controls = element("div", { className: "controls" }, this.search, ...this.choices.map((one) => one.select));
    this.controls.append(element("span", { className: "only-narrow" }, this.order), this.chips);
    this.status = element("p", { className: "count", role: "status" });
    this.earlier = element("button", { type: "button", className: "quiet" }, "Previous");
    this.later = element("button", { type: "button", className: "quiet" }, "Next");
    this.earlier.addEventListener("click", () => this.turn(-1));
    this.later.addEventListener("click", () => this.turn(1));
    this.pager = element("div", { className: "pager" }, this.status, this.earlier, this.later);
    this.root.prepend(this.controls);
    this.root.append(this.pager);
  }

  choice(column) {
    const select = element("select", { "aria-label": column.heading });
    select.addEventListener("change", () => {
      this.change(() => (select.value === "" ? this.filters.delete(column.name) : this.filters.set(column.name, [select.value.slice(1)])));
    });
    return { column, select };
  }

  makeHeads() {
    for (const column of this.cells) {
      const button = element("button", { type: "button" }, column.heading);
      button.addEventListener("click", () => this.sort(this.sorted === column.name ? `-${column.name}` : column.name));
      column.head.replaceChildren(button);
      if (["number", "money", "percent"].includes(column.form)) column.head.classList.add("number");
    }
    if (this.details.length > 0 || this.explain) {
      const head = element("th", { scope: "col" }, element("span", { className: "unseen" }, "Details"));
      head.setAttribute("role", "columnheader");
      this.columns[0].head.parentNode.append(head);
    }
  }

  fillChoices() {
    for (const { column, select } of this.choices) {
      const values = [...new Set(this.rows.columns.get(column.name).values)].map((value) => value ?? "");
      values.sort((a, b) => String(a).localeCompare(String(b), "en", { numeric: true }));
      const chosen = this.filters.get(column.name);
      const all = element("option", { value: "" }, `${column.heading}: all`);
      // `=` before each, so that an empty value is not the same as none.
      select.replaceChildren(all, ...values.map((value) => element("option", { value: `=${value}` }, value === "" ? "none" : shownValue(value, column.form))));
      select.value = chosen?.length === 1 ? `=${chosen[0]}` : "";
    }
  }

  change(set) {
    set();
    this.page = 0;
    this.apply();
    history.replaceState(null, "", this.address());
  }

  address() {
    const query = new URLSearchParams([...this.filters].flatMap(([name, values]) => values.map((value) => [name, value])));
    if (this.words) query.set("q", this.words);
    return `#${this.name}${query.size > 0 ? `?${query}` : ""}`;
  }

  setFilters(query) {
    this.filters = new Map([...query.keys()].map((name) => [name, query.getAll(name)])); // one that is there twice: either
    this.words = query.get("q") ?? "";
    this.filters.delete("q");
    this.search.value = this.words;
    this.page = 0;
    this.apply();
  }

  sort(by) {
    this.sorted = by || null;
    this.page = 0;
    this.apply();
  }

  turn(pages) {
    this.page += pages;
    this.draw();
    this.root.scrollIntoView({ block: "start" });
  }

  // Which rows are shown, in which order.
  apply() {
    const { count, columns } = this.rows;
    const wanted = [...this.filters].map(([name, values]) => {
      const column = columns.get(name);
      return column ? [column.codes, column.values.map((one) => values.includes(String(one ?? "")))] : [null, []];
    });
    const words = this.words.toLowerCase().split(/\s+/).filter(Boolean);
    const searched = this.columns.map((column) => ({ column, ...columns.get(column.name) }));
    const found = words.map((word) =>
      searched.map(({ column, codes, values }) => [codes, values.map((value) => this.has(value, column, word))]),
    );
    const shown = [];
    for (let row = 0; row < count; row += 1) {
      const isWanted = wanted.every(([codes, matches]) => codes !== null && matches[codes[row]]);
      if (isWanted && found.every((some) => some.some(([codes, matches]) => matches[codes[row]]))) shown.push(row);
    }
    this.order.value = this.sorted ?? "";
    if (this.sorted) this.putInOrder(shown);
    this.shown = shown;
    this.showFilters();
    this.draw();
  }

  has(value, column, word) {
    const text = value === null ? "" : String(value);
    return text.toLowerCase().includes(word) || shownValue(value, column.form).toLowerCase().includes(word);
  }

  putInOrder(shown) {
    const isDown = this.sorted.startsWith("-");
    const { codes, ...values } = this.rows.columns.get(isDown ? this.sorted.slice(1) : this.sorted);
    const { ranks, empty } = Values.prototype.ranks.call(values);
    shown.sort((one, other) => {
      const [a, b] = [codes[one], codes[other]];
      if (empty[a] || empty[b]) return Number(empty[a]) - Number(empty[b]) || one - other;
      return (isDown ? ranks[b] - ranks[a] : ranks[a] - ranks[b]) || one - other;
    });
  }

  showFilters() {
    for (const { column, select } of this.choices) {
      const chosen = this.filters.get(column.name);
      select.value = chosen?.length === 1 ? `=${chosen[0]}` : "";
    }
    const chosenApart = new Set(this.choices.map(({ column }) => column.name));
    const shownByChip = ([name, values]) => values.length > 1 || !chosenApart.has(name);
    const chips = [...this.filters].filter(shownByChip).map(([name, values]) => {
      const column = this.columns.find((one) => one.name === name);
      const heading = column?.heading ?? name;
      const value = values.map((one) => shownValue(one, column?.form)).join(" or ");
      const chip = element("button", { type: "button", className: "chip" }, `${heading}: ${value || "none"} ×`);
      chip.setAttribute("aria-label", `Remove the filter ${heading}: ${value || "none"}`);
      chip.addEventListener("click", () => this.change(() => this.filters.delete(name)));
      return chip;
    });
    this.chips.replaceChildren(...chips);
    for (const column of this.cells) {
      const isUp = this.sorted === column.name;
      const isDown = this.sorted === `-${column.name}`;
      column.head.setAttribute("aria-sort", isUp ? "ascending" : isDown ? "descending" : "none");
    }
  }

  draw() {
    const first = this.page * this.size;
    const some = this.shown.slice(first, first + this.size);
    this.body.replaceChildren(...some.map((row) => (this.plainRows ? this.plainRows[row] : this.madeRow(row))));
    const total = this.shown.length;
    const many = this.root.dataset.count ? Number(this.root.dataset.count) : this.rows.count;
    const range = total === 0 ? "No rows" : `${NUMBER.format(first + 1)} to ${NUMBER.format(first + some.length)} of ${NUMBER.format(total)}`;
    const filtered = total < this.rows.count ? ` (filtered from ${NUMBER.format(many)})` : "";
    const loading = this.complete ? "" : ` · reading ${NUMBER.format(many)} rows …`;
    this.status.textContent = many === 0 ? (this.root.dataset.empty ?? "") : `${range}${filtered}${loading}`;
    this.earlier.hidden = this.later.hidden = total <= this.size;
    this.earlier.disabled = this.page === 0;
    this.later.disabled = first + this.size >= total;
    const isFiltered = this.filters.size > 0 || this.words !== "";
    this.controls.hidden = many < (this.plainRows ? 12 : 2) && !isFiltered;
    this.pager.hidden = Boolean(this.plainRows) && many <= this.size && !isFiltered;
    this.root.querySelector(".scroll").hidden = many === 0;
  }

  madeRow(row) {
    const made = element("tr", {});
    made.setAttribute("role", "row");
    for (const column of this.cells) {
      const cell = element("td", {});
      cell.setAttribute("role", "cell");
      cell.dataset.label = column.heading;
      made.append(filledCell(cell, column, this.rows, row));
    }
    if (this.details.length > 0 || this.explain) made.append(this.opener(made, row));
    return made;
  }

  opener(made, row) {
    const subject = shownValue(this.rows.value(row, this.cells[0].name), this.cells[0].form);
    const button = element("button", { type: "button", className: "quiet" }, "Details");
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", `Details of ${subject}`);
    let opened = null;
    button.addEventListener("click", () => {
      if (opened) {
        opened.remove();
        opened = null;
      } else {
        opened = this.detailRow(row);
        made.after(opened);
      }
      button.setAttribute("aria-expanded", String(opened !== null));
    });
    const cell = element("td", { className: "opener" }, button);
    cell.setAttribute("role", "cell");
    return cell;
  }

  detailRow(row) {
    const list = element("dl", { className: "details" });
    for (const column of this.details) {
      const value = this.rows.value(row, column.name);
      if (value === null || value === "") continue;
      list.append(element("div", {}, element("dt", {}, column.heading), filledCell(element("dd", {}), column, this.rows, row)));
    }
    const cell = element("td", { colSpan: this.cells.length + 1 }, list);
    cell.setAttribute("role", "cell");
    if (this.explain) {
      cell.append(element("p", {}, element("a", { href: filledLink(this.explain, this.rows, row) }, "Explain this decision")));
    }
    const made = element("tr", { className: "opened" }, cell);
    made.setAttribute("role", "row");
    return made;
  }
}

// Whoever serves the page may say where a row is explained: <meta name="stop-orchestrator-explain"
// content="explain?resource={resource_id}&account={account_id}&region={region}&kind={kind}">. Only decisions have one.
function explainLink() {
  return document.querySelector('meta[name="stop-orchestrator-explain"]')?.content;
}

function plainRowsOf(root) {
  const found = [...root.querySelectorAll("tbody tr")];
  const names = [...root.querySelectorAll("thead th")].map((head) => head.dataset.column);
  const rows = new Rows(names, found.length);
  for (const one of found) {
    const columns = {};
    names.forEach((name, place) => {
      const cell = one.children[place];
      columns[name] = [[cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value)]];
    });
    rows.add({ count: 1, columns });
  }
  return [rows, found];
}

function follow(fragment) {
  const [name, query] = fragment.replace(/^#/, "").split("?");
  const view = VIEWS.get(name);
  if (view === undefined) return;
  if (query !== undefined) view.setFilters(new URLSearchParams(query));
  const heading = document.getElementById(name);
  heading?.scrollIntoView({ block: "start" });
  heading?.focus({ preventScroll: true });
}

async function fill(view, chunks) {
  for (const chunk of chunks) view.rows.add(await unpacked(chunk));
  view.complete = true;
  view.fillChoices();
  view.apply();
}

async function showTables() {
  for (const root of document.querySelectorAll("[data-plain-table]")) {
    const view = new TableView(root, root.dataset.plainTable, ...plainRowsOf(root));
    VIEWS.set(view.name, view);
    view.fillChoices();
    view.apply();
  }
  const packed = [...document.querySelectorAll("[data-table]")].map((root) => {
    const name = root.dataset.table;
    const chunks = [...document.querySelectorAll(`script[data-rows-of="${name}"]`)].map((one) => one.textContent);
    const heads = [...root.querySelectorAll("thead th")].map((head) => head.dataset.column);
    const view = new TableView(root, name, new Rows(heads, Number(root.dataset.count)));
    if (name !== "decisions") view.explain = undefined;
    VIEWS.set(name, view);
    return { view, chunks };
  });
  window.addEventListener("hashchange", () => follow(location.hash));
  if (typeof DecompressionStream === "undefined") {
    for (const { view } of packed) view.status.textContent = "This browser is too old to show the rows; they are in the report's other files.";
    return;
  }
  for (const { view, chunks } of packed) {
    if (chunks.length > 0) view.rows.add(await unpacked(chunks.shift()));
    view.complete = chunks.length === 0;
    view.fillChoices();
    view.apply();
  }
  for (const { view, chunks } of packed) await fill(view, chunks);
  document.documentElement.dataset.rows = "complete";
  if (location.hash) follow(location.hash);
}
