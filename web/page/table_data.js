// What tools and charts send, as a table. Loaded with the first of them; pure.

const kMaxRows = 200;
const kMaxColumns = 24;

/**
 * A table out of what tools and charts send: a list of records, `{columns, rows}`, or a list of
 * lists. Null when the value is no table.
 */
export function toTable(value) {
  const rows = Array.isArray(value) ? value : value?.rows;
  if (!Array.isArray(rows) || rows.length === 0) return null;
  const first = rows[0];
  const names = Array.isArray(value?.columns) ? value.columns.map((column) => column?.name ?? String(column)) : null;
  const bounded = rows.slice(0, kMaxRows);
  if (Array.isArray(first)) {
    const columns = (names ?? first.map((_, index) => `Column ${index + 1}`)).slice(0, kMaxColumns);
    return { columns, rows: bounded.map((row) => columns.map((_, index) => row?.[index])), total: rows.length };
  }
  if (first === null || typeof first !== 'object') return null;
  const columns = (names ?? [...new Set(bounded.flatMap((row) => Object.keys(row ?? {})))]).slice(0, kMaxColumns);
  return { columns, rows: bounded.map((row) => columns.map((name) => row?.[name])), total: rows.length };
}
