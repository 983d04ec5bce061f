// A plain data table out of `toTable`'s result, scrollable sideways and bounded in rows.

import { h } from './dom.js';
import { cell, heading } from './format.js';

export function tableView(data, label) {
  const numeric = data.columns.map((_, index) => data.rows.every((row) => row[index] === null || typeof row[index] === 'number'));
  const name = (tag, index) => (numeric[index] ? `${tag}.right` : tag);
  const head = h('tr', {}, data.columns.map((column, index) => h(name('th', index), { scope: 'col' }, heading(column))));
  const body = data.rows.map((row) => h('tr', {}, row.map((value, index) => h(name('td', index), {}, cell(value)))));
  const more = data.total > data.rows.length ? h('p.muted', {}, `First ${data.rows.length} of ${data.total} rows.`) : null;
  const table = h('table.data', {}, h('thead', {}, head), h('tbody', {}, body));
  return h('div', {}, h('div.scroll', { tabindex: 0, role: 'group', 'aria-label': label }, table), more);
}
