// The page's pure parts: words for numbers, tables out of whatever tools send, charts that can be
// drawn without a library, entities, latency facts.

import assert from 'node:assert/strict';
import test from 'node:test';
import { chartSeries } from '../../../web/page/chart_svg.js';
import { cell, count, duration, heading } from '../../../web/page/format.js';
import { toTable } from '../../../web/page/table_data.js';
import { decodeEntities } from '../../../web/page/markdown.js';
import { latencyFacts } from '../../../web/page/view_latency.js';
import { kChart, kRows } from '../scenario.mjs';

test('durations, counts, cells, headings', () => {
  const durations = [[0, '0 ms'], [840.4, '840 ms'], [1000, '1.0 s'], [6240, '6.2 s'], [75_000, '1 min 15 s'], [null, ''], ['x', ''], [undefined, '']];
  for (const [ms, text] of durations) assert.equal(duration(ms), text);
  assert.deepEqual([count(1, 'source'), count(0, 'source'), count(12, 'source')], ['1 source', '0 sources', '12 sources']);
  const cells = [[null, '–'], ['', '–'], [2024, '2024'], [1858250.5, '1,858,250.5'], [-12345, '-12,345'], ['a', 'a'], [{ a: 1 }, '{"a":1}'], [false, 'false']];
  for (const [value, text] of cells) assert.equal(cell(value), text);
  assert.equal(heading('due_date'), 'Due date');
});

test('tables', () => {
  assert.deepEqual(toTable(kRows.slice(0, 1)), { columns: ['month', 'status', 'amount'], rows: [['Jan', 'paid', 420000]], total: 1 });
  assert.deepEqual(toTable({ columns: ['a', { name: 'b' }], rows: [[1, 2]] }), { columns: ['a', 'b'], rows: [[1, 2]], total: 1 });
  assert.deepEqual(toTable([{ a: 1 }, null, { b: 2 }]).rows, [[1, undefined], [undefined, undefined], [undefined, 2]]);
  for (const none of [null, undefined, 'text', 7, [], {}, { rows: [] }, [null], [1, 2]]) assert.equal(toTable(none), null);
  assert.equal(toTable(Array.from({ length: 5000 }, (_, n) => ({ n }))).rows.length, 200);
});

test('charts that can be drawn plainly, and those that cannot', () => {
  const { spec, rows } = kChart;
  assert.deepEqual(chartSeries(spec, rows), ['paid', 'open']);
  const plain = { mark: 'bar', encoding: { x: { field: 'a', type: 'nominal' }, y: { field: 'b', type: 'quantitative' } } };
  const pie = { mark: { type: 'arc' }, encoding: { color: { field: 'a' }, theta: { field: 'b', type: 'quantitative' } } };
  assert.deepEqual(chartSeries(pie, [{ a: 'x', b: 1 }, { a: 'y', b: 2 }]), ['x', 'y']);
  const escaped = { mark: 'bar', encoding: { x: { field: 'a\\.b', type: 'nominal' }, y: { field: 'v', type: 'quantitative' }, color: { field: 'c \\[x\\]' } } };
  assert.deepEqual(chartSeries(escaped, [{ 'a.b': 'x', v: 1, 'c [x]': 'p' }, { 'a.b': 'x', v: 1, 'c [x]': 'q' }]), ['p', 'q']);
  const refused = [
    { ...plain, layer: [] }, { ...plain, transform: [] }, { ...plain, mark: 'geoshape' }, {}, { mark: 'bar' },
    { ...plain, encoding: { ...plain.encoding, y: { field: 'b', aggregate: 'mean' } } },
    { ...plain, encoding: { ...plain.encoding, x: { field: 'a', bin: true } } },
  ];
  for (const entry of refused) assert.deepEqual(chartSeries({ ...entry, encoding: { ...entry.encoding, color: { field: 'a' } } }, [{ a: 'x', b: 1 }, { a: 'y', b: 1 }]), [], JSON.stringify(entry));
});

test('entities', () => {
  const table = [['a &amp; b', 'a & b'], ['&lt;b&gt;', '<b>'], ['&#8364;&#x20AC;', '€€'], ['&unknown;', '&unknown;'], ['&#0;&#xD800;&#x110000;', '\ufffd\ufffd\ufffd'], ['&', '&'], ['&constructor;', '&constructor;']];
  for (const [source, text] of table) assert.equal(decodeEntities(source), text);
});

test('latency facts', () => {
  const turn = { timings: { queue_ms: 2, phases: { routing: 55, response: 600 }, first_token_ms: 200, total_ms: 1200 }, usage: { output_tokens: 100 }, marks: { asked: 1000, firstText: 1260, ended: 2300 } };
  const facts = Object.fromEntries(latencyFacts(turn));
  assert.deepEqual(facts, { queue: '2 ms', routing: '55 ms', answer: '600 ms', 'first token': '200 ms', speed: '100 tok/s', total: '1.2 s', 'first token seen': '260 ms', 'total seen': '1.3 s', network: '98 ms' });
  assert.deepEqual(latencyFacts({ timings: null, usage: null, marks: { asked: 0, firstText: null, ended: null } }), []);
});
