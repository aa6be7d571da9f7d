// What pages gain by a script: columns that sort at a click, and a field to find rows by.
// Without it they are whole: orders and filters are links to pages of their own.
(function () {
  "use strict";

  function key(cell, numeric) {
    var text = cell.hasAttribute("data-value") ? cell.getAttribute("data-value") : cell.textContent.trim();
    if (!numeric) { return text.toLowerCase(); }
    var number = parseFloat(text.replace("\u2212", "-"));
    return isNaN(number) ? null : number;
  }

  function sortBy(table, column, head) {
    var numeric = head.getAttribute("data-kind") === "number";
    var now = head.getAttribute("aria-sort");
    var up = now ? now === "descending" : !numeric;
    var body = table.tBodies[0];
    var rows = Array.prototype.slice.call(body.rows).map(function (row, place) {
      return { row: row, place: place, key: key(row.cells[column], numeric) };
    });
    rows.sort(function (a, b) {
      if (a.key === b.key) { return a.place - b.place; }
      if (a.key === null) { return 1; } // what has no number comes last in both orders
      if (b.key === null) { return -1; }
      var order = numeric ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true });
      return up ? order : -order;
    });
    Array.prototype.forEach.call(head.parentNode.cells, function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.forEach(function (each) { body.appendChild(each.row); });
  }

  function sortable(table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      if (head.classList.contains("chart") || !head.textContent.trim() || head.querySelector(".unseen")) { return; }
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () { sortBy(table, column, head); });
    });
  }

  function finder(place) {
    var rows = Array.prototype.slice.call(document.querySelectorAll("table.rows tbody tr"));
    var shown = document.getElementById("shown");
    var before = shown.textContent;
    var label = document.createElement("label");
    label.className = "find";
    label.textContent = "Find";
    var input = document.createElement("input");
    input.type = "search";
    input.placeholder = "agent, task, data, division …";
    label.appendChild(input);
    place.appendChild(label);
    var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
    input.addEventListener("input", function () {
      var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      var count = 0;
      rows.forEach(function (row, k) {
        var fits = words.every(function (word) { return texts[k].indexOf(word) >= 0; });
        row.hidden = !fits;
        count += fits ? 1 : 0;
      });
      shown.textContent = words.length ? count + " of these rows" : before;
    });
  }

  Array.prototype.forEach.call(document.querySelectorAll("table[data-sortable]"), sortable);
  var place = document.getElementById("find");
  if (place) { finder(place); }
})();
