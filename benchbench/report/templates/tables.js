"use strict";
(() => {
  const ORDERS = ["none", "ascending", "descending"];

  // A number is sorted by its value, a text as people read it; what is unknown stands last in either direction.
  const valueOf = (row, nth) => {
    const cell = row.cells[nth];
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    return text === "" || text === "\u2013" ? null : text;
  };
  const compared = (a, b) => typeof a === "number" && typeof b === "number"
    ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  const sorted = (rows, nth, order) => {
    if (order === "none") return rows;
    const sign = order === "ascending" ? 1 : -1;
    return [...rows].sort((one, other) => {
      const [a, b] = [valueOf(one, nth), valueOf(other, nth)];
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * compared(a, b);
    });
  };

  for (const figure of document.querySelectorAll("figure.table")) {
    const body = figure.querySelector("tbody");
    const rows = [...body.rows];
    const heads = [...figure.querySelectorAll("th[aria-sort]")];
    for (const head of heads) {
      head.querySelector("button").addEventListener("click", () => {
        const order = ORDERS[(ORDERS.indexOf(head.getAttribute("aria-sort")) + 1) % ORDERS.length];
        heads.forEach((one) => one.setAttribute("aria-sort", one === head ? order : "none"));
        body.append(...sorted(rows, head.cellIndex, order));
      });
    }
    const search = figure.querySelector("input[type=search]");
    if (!search) continue;
    const failed = figure.querySelector("button[data-failed]");
    const count = figure.querySelector("[data-shown]");
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const only = failed && failed.getAttribute("aria-pressed") === "true";
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word)) || (only && !/bad|muted|warning/.test(row.className));
      }
      count.textContent = String(rows.filter((row) => !row.hidden).length);
    };
    search.addEventListener("input", filter);
    if (failed) {
      failed.addEventListener("click", () => {
        failed.setAttribute("aria-pressed", String(failed.getAttribute("aria-pressed") !== "true"));
        filter();
      });
    }
  }
})();
