// The rows of a table by column: each distinct value once, and for each row the number of its value.
class Rows {
  constructor(names, capacity) {
    this.count = 0;
    this.capacity = capacity;
    this.columns = new Map(names.map((name) => [name, new Values(capacity)]));
  }

  value(row, name) {
    const column = this.columns.get(name);
    return column === undefined ? null : column.values[column.codes[row]];
  }

  add(chunk) {
    for (const name of Object.keys(chunk.columns)) {
      if (!this.columns.has(name)) this.columns.set(name, new Values(this.capacity)); // seen nowhere, and in links
    }
    for (const [name, column] of this.columns) {
      const [values, codes] = chunk.columns[name] ?? [[null]];
      const known = values.map((value) => column.code(value));
      for (let row = 0; row < chunk.count; row += 1) {
        column.codes[this.count + row] = known[codes === undefined ? 0 : codes[row]];
      }
    }
    this.count += chunk.count;
  }
}

class Values {
  constructor(capacity) {
    this.values = [];
    this.codes = new Uint32Array(capacity);
    this.known = new Map();
  }

  code(value) {
    let code = this.known.get(value);
    if (code === undefined) {
      code = this.values.length;
      this.known.set(value, code);
      this.values.push(value);
    }
    return code;
  }

  // The place of each value in their order: nothing last, numbers by size, texts as people sort them.
  ranks() {
    const collator = new Intl.Collator("en", { numeric: true });
    const byText = this.values.length > 5000 ? (a, b) => (a < b ? -1 : Number(a > b)) : collator.compare;
    const order = this.values.map((_, code) => code);
    const isEmpty = (value) => value === null || value === "";
    order.sort((one, other) => {
      const [a, b] = [this.values[one], this.values[other]];
      if (isEmpty(a) || isEmpty(b)) return Number(isEmpty(a)) - Number(isEmpty(b));
      return typeof a === "number" && typeof b === "number" ? a - b : byText(String(a), String(b));
    });
    const ranks = new Uint32Array(order.length);
    order.forEach((code, rank) => (ranks[code] = rank));
    return { ranks, empty: this.values.map(isEmpty) };
  }
}

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}
