// Draws the plain kinds of Vega-Lite charts (bar, line, area, point, arc over inline rows) as SVG,
// so that charts need no library. Anything beyond that is refused with null, never drawn wrongly.

import { s } from './dom.js';
import { cell } from './format.js';

/** For axes: 1200000 → "1.2M". */
function compact(value) {
  return value.toLocaleString('en-US', { notation: 'compact', maximumFractionDigits: 1 });
}

const kMinWidth = 270;
const kMaxWidth = 640;
const kHeight = 300;
const kMaxPoints = 500;
const kMaxSeries = 8;
const kLabelPx = 6.6; // mean width of a character of an axis label
const kMaxLabel = 18;
const kMarks = new Set(['bar', 'line', 'area', 'point', 'circle', 'arc']);
const kBeyond = ['layer', 'facet', 'concat', 'hconcat', 'vconcat', 'repeat', 'transform', 'params'];

/** The rows a specification carries, or those sent beside it. */
export function chartRows(spec, rows) {
  const values = spec?.data?.values;
  return Array.isArray(values) && values.length > 0 ? values : rows;
}

/**
 * An SVG element for the specification, or null when it is not one of the plain kinds. `room` is the
 * width it will be shown at, in px: labels keep their size on narrow pages.
 */
export function drawChart(spec, rows, title, room = kMaxWidth) {
  const plan = planChart(spec, rows);
  if (plan === null) return null;
  plan.width = Math.max(kMinWidth, Math.min(kMaxWidth, Math.round(room)));
  const svg = s('svg', { viewBox: `0 0 ${plan.width} ${kHeight}`, class: 'plot', role: 'img', 'aria-label': title || 'Chart' });
  if (plan.mark === 'arc') drawArcs(svg, plan);
  else if (plan.horizontal) drawBarsAcross(svg, plan);
  else drawUpright(svg, plan);
  return svg;
}

/** Series names with their number, for the legend; empty when one series says nothing. */
export function chartSeries(spec, rows) {
  const plan = planChart(spec, rows);
  if (plan === null) return [];
  return plan.mark === 'arc' ? plan.keys : plan.series.length > 1 ? plan.series : [];
}

function planChart(spec, rows) {
  const mark = typeof spec?.mark === 'string' ? spec.mark : spec?.mark?.type;
  if (!kMarks.has(mark) || kBeyond.some((name) => name in spec)) return null;
  const data = chartRows(spec, rows).filter((row) => row !== null && typeof row === 'object');
  const { x, y, theta, color, xOffset, yOffset } = spec.encoding ?? {};
  if (data.length === 0 || data.length > kMaxPoints || yOffset) return null;
  const horizontal = mark === 'bar' && isMeasure(x) && !isMeasure(y);
  const [key, value] = mark === 'arc' ? [color, theta] : horizontal ? [y, x] : [x, y];
  if (!key?.field || !value?.field || !plainAggregate(value) || key.aggregate || key.bin || key.timeUnit) return null;
  if ((mark === 'point' || mark === 'circle') && isMeasure(key)) return null;
  const split = mark === 'arc' || !color?.field ? null : fieldName(color);
  const series = split ? [...new Set(data.map((row) => String(row[split])))] : [value.title || fieldName(value)];
  if (series.length > kMaxSeries) return null;
  const groups = new Map();
  for (const row of data) {
    const amount = Number(row[fieldName(value)]);
    if (!Number.isFinite(amount)) return null;
    const name = String(row[fieldName(key)] ?? '–');
    const group = groups.get(name) ?? new Array(series.length).fill(0);
    group[split ? series.indexOf(String(row[split])) : 0] += amount;
    groups.set(name, group);
  }
  const keys = orderedKeys([...groups.keys()], key, groups);
  if (mark === 'arc' && (keys.length > kMaxSeries || keys.some((name) => groups.get(name)[0] < 0))) return null;
  const grouped = series.length > 1 && (Boolean(xOffset) || value.stack === null || value.stack === false);
  return { mark, horizontal, keys, groups, series, grouped, unit: unitOf(value) };
}

// Vega-Lite escapes dots and brackets of a field's name with a backslash.
const fieldName = (channel) => String(channel.field).replace(/\\(.)/g, '$1');
const isMeasure = (channel) => channel?.type === 'quantitative' || Boolean(channel?.aggregate);
const plainAggregate = (channel) => !channel.aggregate || channel.aggregate === 'sum';

function unitOf(channel) {
  const format = channel.axis?.format ?? channel.format ?? '';
  if (String(format).startsWith('$')) return (value) => (value < 0 ? '−$' : '$') + compact(Math.abs(value));
  if (String(format).endsWith('%')) return (value) => `${compact(value * 100)} %`;
  return compact;
}

function orderedKeys(keys, channel, groups) {
  if (channel.type === 'temporal') return keys.sort((a, b) => Date.parse(a) - Date.parse(b));
  if (Array.isArray(channel.sort)) {
    const place = (name) => (channel.sort.includes(name) ? channel.sort.indexOf(name) : Infinity);
    return keys.sort((a, b) => place(a) - place(b));
  }
  const total = (name) => groups.get(name).reduce((sum, part) => sum + part, 0);
  if (/^-[xy]$/.test(channel.sort ?? '')) return keys.sort((a, b) => total(b) - total(a));
  if (/^[xy]$/.test(channel.sort ?? '')) return keys.sort((a, b) => total(a) - total(b));
  return keys;
}

// Round steps from zero (or below) to past the largest value.
function ticks(low, high) {
  const span = high - low || 1;
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => span / size <= 5);
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function extent(plan) {
  const stacked = plan.mark === 'bar' || plan.mark === 'area';
  const values = plan.keys.flatMap((key) => {
    const parts = plan.groups.get(key);
    if (!stacked || plan.grouped) return parts;
    const above = parts.filter((part) => part > 0).reduce((sum, part) => sum + part, 0);
    const below = parts.filter((part) => part < 0).reduce((sum, part) => sum + part, 0);
    return [above, below];
  });
  return ticks(Math.min(0, ...values), Math.max(0, ...values));
}

const shorten = (text, letters = kMaxLabel) => (text.length > letters ? `${text.slice(0, letters - 1)}…` : text);
const kMonths = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

// "2025-03" and "2025-03-01" of a series of months are "Mar 2025"; everything else stays.
function labelsOf(keys) {
  const parts = keys.map((key) => /^(\d{4})-(0[1-9]|1[0-2])(-01)?$/.exec(key));
  return parts.every(Boolean) ? parts.map(([, year, month]) => `${kMonths[month - 1]} ${year}`) : keys;
}
const shape = (tag, attributes, hint) => s(tag, attributes, s('title', {}, hint));
const round = (value) => Math.round(value * 10) / 10;

function hintOf(plan, key, index) {
  const name = plan.series.length > 1 ? `${key}, ${plan.series[index]}` : key;
  return `${name}: ${cell(plan.groups.get(key)[index])}`;
}

function drawUpright(svg, plan) {
  const box = { left: 58, right: plan.width - 10, top: 10, bottom: kHeight - 58 };
  const band = (box.right - box.left) / plan.keys.length;
  const every = Math.ceil((plan.keys.length * 44) / (box.right - box.left));
  const labels = labelsOf(plan.keys);
  const tilted = labels.some((label) => band * every < kLabelPx * (Math.min(label.length, kMaxLabel) + 1));
  if (!tilted) svg.setAttribute('viewBox', `0 0 ${plan.width} ${kHeight - 30}`);
  const marks = extent(plan);
  const [low, high] = [marks[0], marks.at(-1)];
  const toY = (value) => round(box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top));
  for (const value of marks) {
    const y = toY(value);
    svg.append(s('line', { x1: box.left, x2: box.right, y1: y, y2: y, class: value === 0 ? 'axis' : 'grid' }));
    svg.append(s('text', { x: box.left - 8, y: y + 4, 'text-anchor': 'end' }, plan.unit(value)));
  }
  const center = (index) => round(box.left + band * (index + 0.5));
  labels.forEach((label, index) => {
    if (index % every !== 0) return;
    const x = center(index);
    const place = tilted ? { 'text-anchor': 'end', transform: `rotate(-32 ${x} ${box.bottom + 16})` } : { 'text-anchor': 'middle' };
    svg.append(s('text', { x, y: box.bottom + 18, ...place }, shorten(label)));
  });
  if (plan.mark === 'bar') drawBars(svg, plan, { band, center, toY });
  else drawLines(svg, plan, { center, toY });
}

function drawBars(svg, plan, { band, center, toY }) {
  const width = Math.min(56, band * 0.7);
  plan.keys.forEach((key, index) => {
    let above = 0;
    let below = 0;
    plan.groups.get(key).forEach((value, part) => {
      if (value === 0) return;
      const base = plan.grouped ? 0 : value >= 0 ? above : below;
      if (value >= 0) above += value;
      else below += value;
      const [y1, y2] = [toY(Math.max(base, base + value)), toY(Math.min(base, base + value))];
      const own = plan.grouped ? width / plan.series.length : width;
      const x = center(index) - width / 2 + (plan.grouped ? own * part : 0);
      const size = { x: round(x), y: y1, width: round(own), height: Math.max(round(y2 - y1), 0.5), rx: 2 };
      svg.append(shape('rect', { ...size, class: `s${part + 1}` }, hintOf(plan, key, part)));
    });
  });
}

function drawLines(svg, plan, { center, toY }) {
  const base = new Array(plan.keys.length).fill(0);
  plan.series.forEach((_, part) => {
    const points = plan.keys.map((key, index) => {
      const value = plan.groups.get(key)[part];
      if (plan.mark === 'area') base[index] += value;
      return [center(index), toY(plan.mark === 'area' ? base[index] : value)];
    });
    const path = points.map(([x, y], index) => `${index ? 'L' : 'M'}${x} ${y}`).join('');
    if (plan.mark === 'area') {
      const close = `L${points.at(-1)[0]} ${toY(0)}L${points[0][0]} ${toY(0)}Z`;
      svg.prepend(s('path', { d: path + close, class: `s${part + 1} fill` }));
    }
    if (plan.mark === 'line' || plan.mark === 'area') svg.append(s('path', { d: path, class: `s${part + 1} stroke` }));
    points.forEach(([cx, cy], index) =>
      svg.append(shape('circle', { cx, cy, r: plan.keys.length > 60 ? 2 : 3.5, class: `s${part + 1}` }, hintOf(plan, plan.keys[index], part))),
    );
  });
}

function drawBarsAcross(svg, plan) {
  const row = Math.max(24, Math.min(40, 260 / plan.keys.length));
  const box = { left: Math.round(plan.width * 0.34), right: plan.width - 24, top: 6 };
  const letters = Math.floor((box.left - 12) / kLabelPx);
  const bottom = box.top + row * plan.keys.length;
  svg.setAttribute('viewBox', `0 0 ${plan.width} ${bottom + 28}`);
  const marks = extent(plan);
  const [low, high] = [marks[0], marks.at(-1)];
  const toX = (value) => round(box.left + ((value - low) / (high - low)) * (box.right - box.left));
  const each = Math.ceil((marks.length * 52) / (box.right - box.left));
  for (const [index, value] of marks.entries()) {
    const x = toX(value);
    svg.append(s('line', { x1: x, x2: x, y1: box.top, y2: bottom, class: value === 0 ? 'axis' : 'grid' }));
    if (index % each === 0) svg.append(s('text', { x, y: bottom + 18, 'text-anchor': 'middle' }, plan.unit(value)));
  }
  plan.keys.forEach((key, index) => {
    const y = box.top + row * index;
    svg.append(s('text', { x: box.left - 8, y: y + row / 2 + 4, 'text-anchor': 'end' }, shorten(key, letters), s('title', {}, key)));
    let above = 0;
    let below = 0;
    plan.groups.get(key).forEach((value, part) => {
      if (value === 0) return;
      const base = plan.grouped ? 0 : value >= 0 ? above : below;
      if (value >= 0) above += value;
      else below += value;
      const [x1, x2] = [toX(Math.min(base, base + value)), toX(Math.max(base, base + value))];
      const own = plan.grouped ? (row * 0.7) / plan.series.length : row * 0.7;
      const top = y + row * 0.15 + (plan.grouped ? own * part : 0);
      const size = { x: x1, y: round(top), width: Math.max(round(x2 - x1), 0.5), height: round(own), rx: 2 };
      svg.append(shape('rect', { ...size, class: `s${part + 1}` }, hintOf(plan, key, part)));
    });
  });
}

function drawArcs(svg, plan) {
  const total = plan.keys.reduce((sum, key) => sum + plan.groups.get(key)[0], 0);
  const [cx, cy, outer, inner] = [plan.width / 2, kHeight / 2, 130, 76];
  const point = (angle, radius) => `${round(cx + radius * Math.sin(angle))} ${round(cy - radius * Math.cos(angle))}`;
  let from = 0;
  plan.keys.forEach((key, index) => {
    const share = total > 0 ? plan.groups.get(key)[0] / total : 0;
    const to = from + Math.min(share, 0.99999) * 2 * Math.PI;
    const big = to - from > Math.PI ? 1 : 0;
    const d = `M${point(from, outer)}A${outer} ${outer} 0 ${big} 1 ${point(to, outer)}L${point(to, inner)}A${inner} ${inner} 0 ${big} 0 ${point(from, inner)}Z`;
    svg.append(shape('path', { d, class: `s${index + 1} slice` }, `${hintOf(plan, key, 0)} (${Math.round(share * 100)} %)`));
    from = to;
  });
}
