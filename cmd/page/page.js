/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting and filtering the tables of `gputrail export --html`; the page reads without it. */
"use strict";
function value(row, column) {
	const cell = row.cells[column];
	return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent;
}
function order(a, b) {
	if (typeof a === "number" && typeof b === "number")
		return Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : b - a;
	return String(a).localeCompare(String(b));
}
function sort(head) {
	const table = head.closest("table"), body = table.tBodies[0];
	const turned = head.getAttribute("aria-sort") === "descending";
	const rows = Array.from(body.rows, (row) => ({ row, key: value(row, head.cellIndex) }));
	rows.sort((a, b) => (turned ? -1 : 1) * order(a.key, b.key));
	for (const other of table.tHead.rows[0].cells)
		other.removeAttribute("aria-sort");
	head.setAttribute("aria-sort", turned ? "ascending" : "descending");
	body.append(...rows.map((r) => r.row));
}
function filter(input) {
	const wanted = input.value.toLowerCase();
	for (const row of document.getElementById(input.dataset.table).tBodies[0].rows)
		row.hidden = !row.textContent.toLowerCase().includes(wanted);
}
for (const button of document.querySelectorAll("th button"))
	button.addEventListener("click", () => sort(button.closest("th")));
for (const input of document.querySelectorAll("input[data-table]")) {
	input.hidden = false;
	input.addEventListener("input", () => filter(input));
}
