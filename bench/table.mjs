// Tables of text for a terminal. Pure.

/** Lines of a table: the first `left` columns stand left, the others right. */
export function tableLines(header, rows, left) {
  const widths = header.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((text, column) => (column < left ? text.padEnd(widths[column]) : text.padStart(widths[column])))
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)];
}

/** Three digits that mean something; a dash for what was not measured. */
export function number(value) {
  if (value === undefined || !Number.isFinite(value)) return '-';
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}
