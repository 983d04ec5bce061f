// Accessibility in each state and scheme, narrow and zoomed pages, charts, and the pictures that a
// person looks at.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Gateway, gate } from '../mock_gateway.mjs';
import { answerEvents, kAnswer, kRows } from '../scenario.mjs';
import { ask, kShots, launch, openPage, overflow, scan, settled, shot } from './chromium.mjs';

const kVendor = process.env.MR_VENDOR || null;
const kQuestion = 'How much have we invoiced on the Harbor Point project, and what is still open?';
let chrome;
before(async () => (chrome = await launch()));
after(() => chrome.close());

async function stage(t, options = {}) {
  const gateway = await new Gateway({ vendor: kVendor }).start();
  const page = await openPage(chrome.browser, gateway.url, { allowed: [/WebSocket connection to/, ...(kVendor ? [] : [/404/])], ...options });
  t.after(() => page.finish().finally(() => gateway.stop()));
  await page.locator('.link-state[data-state="online"]').waitFor();
  return { gateway, page };
}

const kViews = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1100, height: 860 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1100, height: 860 } },
  { name: '320', colorScheme: 'light', viewport: { width: 320, height: 640 } },
  { name: '320-dark', colorScheme: 'dark', viewport: { width: 320, height: 640 } },
  // A 1100 × 860 window at 200 % zoom.
  { name: 'zoom', colorScheme: 'light', viewport: { width: 550, height: 430 }, deviceScaleFactor: 2 },
];

for (const { name, ...options } of kViews) {
  test(`states in ${name}`, async (t) => {
    const { gateway, page } = await stage(t, options);
    const step = async (state) => {
      assert.ok((await overflow(page)) <= 0, `${state}: wider than the window`);
      await shot(page, `${name}-${state}`);
      await scan(page, state);
    };
    await step('welcome');
    gateway.script = () =>
      answerEvents().flatMap((event) => {
        if (event.type === 'tool_complete' && event.tool === 'bigquery') return [gate('tools'), event];
        return event.type === 'text_chunk' && event.content === kAnswer[4] ? [gate('text'), event] : [event];
      });
    await ask(page, kQuestion);
    await page.locator('.tool .mark[data-status="ok"]').waitFor();
    await step('tools');
    gateway.open('tools');
    await page.locator('.answer').getByText('HP-0231').first().waitFor();
    await page.locator('.stage[data-kind]').waitFor();
    await step('streaming');
    gateway.open('text');
    await settled(page, 'done');
    await page.locator('.tracker > summary').click();
    await page.locator('.tool > summary').nth(1).click();
    await page.locator('.tool-body table').waitFor();
    await page.getByRole('button', { name: 'View data' }).click();
    await page.getByRole('button', { name: 'Show timings' }).click();
    await step('open');
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await step('end');
    gateway.script = () => [...answerEvents().slice(0, 6), { type: 'error', message: 'The model did not answer in time.', code: 'provider_timeout' }, { type: 'text_chunk', content: 'I could not finish this answer.', offset: 0 }, { type: 'response_complete', sources: [], status: 'error', text_length: 31 }];
    await ask(page, 'And last year?');
    await settled(page, 'error');
    await step('error');
    gateway.available = false;
    gateway.cutAll();
    await page.locator('.banner').getByText('Connection lost.').waitFor();
    await ask(page, 'Is this kept?');
    await page.getByText('Waiting for the connection').waitFor();
    await step('lost');
  });
}

test('the scheme can be switched and is remembered', async (t) => {
  const { page } = await stage(t, { colorScheme: 'light' });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.getByRole('button', { name: 'Switch between light and dark' }).click();
  const dark = await paper();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await paper(), dark);
});

test('scrolling away stops following, the button brings back', async (t) => {
  const { gateway, page } = await stage(t);
  const long = Array.from({ length: 80 }, (_, n) => `Paragraph ${n}.\n\n`);
  gateway.script = () => answerEvents({ chunks: long, chart: null }).flatMap((event) => (event.type === 'text_chunk' && event.content === long[60] ? [gate('go'), event] : [event]));
  await ask(page, 'long');
  await page.getByText('Paragraph 59.').waitFor();
  const top = () => page.evaluate(() => document.scrollingElement.scrollTop);
  await page.waitForFunction(() => document.scrollingElement.scrollTop > 200);
  await page.mouse.move(500, 400);
  await page.mouse.wheel(0, -700);
  await page.getByRole('button', { name: 'Jump to latest' }).waitFor();
  await page.waitForFunction(() => new Promise((done) => {
    const before = document.scrollingElement.scrollTop;
    requestAnimationFrame(() => requestAnimationFrame(() => done(document.scrollingElement.scrollTop === before)));
  }));
  const before = await top();
  gateway.open('go');
  await settled(page, 'done');
  assert.equal(await top(), before, 'the reader stays where he is');
  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await page.getByText('Paragraph 79.').waitFor();
  await page.getByRole('button', { name: 'Jump to latest' }).waitFor({ state: 'hidden' });
});

const amount = { field: 'amount', type: 'quantitative', axis: { format: '$,.0f' } };
const month = { field: 'month', type: 'ordinal', sort: null };
const status = { field: 'status', type: 'nominal' };
const projects = Array.from({ length: 9 }, (_, n) => ({ project: `Project with a long name ${n + 1}`, amount: 900_000 - n * 83_000 }));
const kCharts = [
  ['grouped bars', 'svg', kRows, { mark: 'bar', encoding: { x: month, y: amount, color: status, xOffset: status } }],
  ['bars across', 'svg', projects, { mark: 'bar', encoding: { y: { field: 'project', type: 'nominal', sort: '-x' }, x: amount } }],
  ['lines', 'svg', kRows, { mark: { type: 'line', point: true }, encoding: { x: month, y: amount, color: status } }],
  ['area', 'svg', kRows, { mark: 'area', encoding: { x: month, y: amount, color: status } }],
  ['arc', 'svg', projects.slice(0, 5), { mark: { type: 'arc', innerRadius: 60 }, encoding: { theta: amount, color: { field: 'project', type: 'nominal' } } }],
  ['many bars', 'svg', Array.from({ length: 40 }, (_, n) => ({ day: `2025-${1 + (n % 12)}-${n}`, amount: (n * 7919) % 1000 - 200 })), { mark: 'bar', encoding: { x: { field: 'day', type: 'nominal' }, y: { field: 'amount', type: 'quantitative' } } }],
  ['layers', kVendor ? 'vega' : 'none', kRows, { layer: [{ mark: 'bar', encoding: { x: month, y: { ...amount, aggregate: 'sum' } } }, { mark: { type: 'rule', strokeWidth: 2 }, encoding: { y: { aggregate: 'mean', field: 'amount' }, color: { value: 'firebrick' } } }] }],
  ['scatter', kVendor ? 'vega' : 'none', projects.map((row, n) => ({ ...row, days: n * n })), { mark: 'point', encoding: { x: { field: 'days', type: 'quantitative' }, y: amount } }],
];

for (const colorScheme of ['light', 'dark']) {
  test(`charts in ${colorScheme}`, async (t) => {
    const { gateway, page } = await stage(t, { colorScheme, viewport: { width: 860, height: 900 } });
    gateway.script = () => {
      const charts = kCharts.map(([title, , rows, spec], n) => ({ type: 'chart', chart_id: `c${n}`, title, rows, spec: { ...spec, data: { values: rows } } }));
      return answerEvents({ chunks: ['Charts.'] }).flatMap((event) => (event.type === 'chart' ? charts : [event]));
    };
    await ask(page, 'charts');
    await settled(page, 'done');
    await page.waitForFunction((count) => document.querySelectorAll('.stage[data-kind]').length === count, kCharts.length);
    for (const [index, [title, kind]] of kCharts.entries()) {
      const card = page.locator('.chart').nth(index);
      assert.equal(await card.locator('.stage').getAttribute('data-kind'), kind, title);
      await card.screenshot({ path: `${kShots}/chart-${colorScheme}-${index}.png` });
    }
    await scan(page, 'charts');
  });
}
