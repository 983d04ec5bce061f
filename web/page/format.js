// Turns numbers and values into short words for people. Pure.

/** 840 → "840 ms", 6240 → "6.2 s", 75000 → "1 min 15 s"; "" for null. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return '';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** "1 source", "3 sources". */
export function count(number, word) {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

/** A cell of a table: numbers grouped, objects as JSON, nothing as a dash. */
export function cell(value) {
  if (value === null || value === undefined || value === '') return '–';
  if (typeof value === 'number') return number(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Grouped, at most two decimals; years and other four-digit integers stay as they are. */
export function number(value) {
  if (Number.isInteger(value) && Math.abs(value) < 10_000) return String(value);
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** "due_date" → "Due date". */
export function heading(name) {
  const words = String(name).replaceAll('_', ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
