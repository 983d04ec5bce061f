// The inside of an opened tool line: what was asked and what came back (arguments, SQL, rows,
// error, attempts). Loaded with the first one that is opened.

import { copyButton, h } from './dom.js';
import { count, heading } from './format.js';
import { codeView } from './markdown.js';
import { toTable } from './table_data.js';
import { tableView } from './view_table.js';

const kMaxJson = 4000;

/** Nodes that describe `tool`; never empty. */
export function toolDetails(tool) {
  const parts = [];
  const args = tool.args && typeof tool.args === 'object' ? tool.args : {};
  const sql = args.sql ?? tool.preview?.sql;
  const others = Object.entries(args).filter(([name]) => name !== 'sql');
  if (typeof tool.args === 'string') parts.push(part('Asked', h('p', {}, tool.args)));
  if (others.length > 0) {
    const list = h('dl.args', {}, others.map(([name, value]) => [h('dt', {}, heading(name)), h('dd', {}, typeof value === 'string' ? value : JSON.stringify(value))]));
    parts.push(part('Asked', list));
  }
  if (typeof sql === 'string') parts.push(codeView(sql, 'sql'));
  if (tool.error) {
    const { code, message, retryable } = tool.error;
    const words = [message ?? String(tool.error), code ? `(${code})` : '', retryable ? 'Trying again may help.' : ''];
    parts.push(part('Error', h('p.failed', {}, words.filter(Boolean).join(' '))));
  }
  parts.push(...previewParts(tool));
  const facts = [];
  if (tool.attempts > 1) facts.push(`${tool.attempts} attempts`);
  if (Number.isInteger(tool.rows)) facts.push(count(tool.rows, 'row') + (tool.truncated ? ', cut short' : ''));
  if (facts.length > 0) parts.push(h('p.muted', {}, facts.join(' · ')));
  if (parts.length === 0) parts.push(h('p.muted', {}, tool.status === 'running' ? 'Nothing to show yet.' : 'No further details.'));
  return parts;
}

function previewParts(tool) {
  const { preview } = tool;
  if (preview === null || preview === undefined || preview === '') return [];
  const table = toTable(preview);
  if (table) return [part('Result', tableView(table, 'Result'))];
  if (typeof preview === 'string') return [part('Result', h('p', {}, preview))];
  const rest = { ...preview };
  delete rest.sql;
  if (Object.keys(rest).length === 0) return [];
  const text = JSON.stringify(rest, null, 2).slice(0, kMaxJson);
  return [part('Result', h('pre', { tabindex: 0 }, text), copyButton(() => text))];
}

const part = (title, ...content) => h('section', {}, h('p.part-title', {}, title), ...content);
