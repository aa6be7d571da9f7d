// The list of episodes, a page at a time: it may be ten thousand.

const ROWS = 12;

export class List {
  constructor(find, choose) {
    this.find = find;
    this.choose = choose;
    this.page = 0;
    find("filter").addEventListener("change", () => this.sort());
    find("order").addEventListener("change", () => this.sort());
    find("page-before").addEventListener("click", () => this.turn(-1));
    find("page-after").addEventListener("click", () => this.turn(1));
  }

  /** Whose episodes, and who is beside them (or null). */
  of(source, other) {
    this.source = source;
    this.other = other;
    this.sort();
  }

  sort() {
    const { source } = this;
    const filter = this.find("filter").value;
    const order = this.find("order").value;
    this.rows = source.item.map((_, k) => k);
    if (filter !== "all") {
      this.rows = this.rows.filter((k) => Boolean(source.success[k]) === (filter === "success"));
    }
    const down = order !== "item";
    const key = source[order];
    this.rows.sort((a, b) => (down ? key[b] - key[a] : key[a] - key[b]) || a - b);
    this.page = 0;
    this.show(this.current);
  }

  turn(by) {
    this.page += by;
    this.draw();
  }

  /** Mark an episode, by its place in the source, and turn to its page. */
  show(place) {
    this.current = place;
    const at = this.rows.indexOf(place);
    if (at >= 0) this.page = Math.floor(at / ROWS);
    this.draw();
  }

  /** The place of the episode so many rows from the current one. */
  near(by) {
    const at = this.rows.indexOf(this.current);
    return this.rows[Math.max(0, Math.min(at + by, this.rows.length - 1))];
  }

  draw() {
    const { source, other } = this;
    const pages = Math.max(1, Math.ceil(this.rows.length / ROWS));
    this.page = Math.max(0, Math.min(this.page, pages - 1));
    const table = element("table");
    const head = ["Start", other ? "Outcome (A)" : "Outcome", "Steps", "Largest jerk"];
    if (other) head.splice(2, 0, "Outcome (B)");
    const row = element("tr");
    for (const words of head) {
      const cell = element("th", words);
      cell.scope = "col";
      row.append(cell);
    }
    table.append(element("caption", "Episodes", "ev-hidden"), wrapped("thead", row));
    const body = element("tbody");
    for (const k of this.rows.slice(this.page * ROWS, (this.page + 1) * ROWS)) {
      body.append(this.row(source, other, k));
    }
    table.append(body);
    const list = this.find("list");
    const focused = list.contains(document.activeElement);
    list.replaceChildren(table);
    if (focused) list.querySelector("[aria-current]")?.focus();
    const none = this.rows.length ? "" : "no such episodes";
    this.find("page-where").textContent =
      none || `${this.rows.length} episodes, page ${this.page + 1} of ${pages}`;
    this.find("page-before").disabled = this.page === 0;
    this.find("page-after").disabled = this.page === pages - 1;
  }

  row(source, other, k) {
    const row = element("tr");
    const button = element("button", String(source.item[k]));
    button.type = "button";
    button.setAttribute("aria-label", `Episode of start ${source.item[k]}`);
    if (k === this.current) {
      button.setAttribute("aria-current", "true");
      row.className = "ev-current";
    }
    button.addEventListener("click", () => this.choose(k));
    row.append(wrapped("td", button), outcome(source, k));
    if (other) row.append(outcome(other, other.item.indexOf(source.item[k])));
    row.append(element("td", String(source.steps[k])));
    row.append(element("td", source.jump[k].toFixed(2)));
    row.addEventListener("click", (event) => {
      if (event.target !== button) this.choose(k);
    });
    return row;
  }
}

function outcome(source, k) {
  if (k < 0) return element("td", "–");
  const words = source.success[k] ? "✓ success" : "✗ failed";
  return element("td", words, source.success[k] ? "ev-success" : "ev-failed");
}

export function element(name, text = "", style = "") {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (style) made.className = style;
  return made;
}

function wrapped(name, inner) {
  const made = element(name);
  made.append(inner);
  return made;
}
