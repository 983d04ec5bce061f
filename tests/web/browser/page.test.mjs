// The page in a real browser against the mock gateway: what a person sees, hears and can do.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Gateway, gate } from '../mock_gateway.mjs';
import { answerEvents, kAnswer, kTools, toolEvents } from '../scenario.mjs';
import { ask, launch, openPage, said, settled, shot, transcript } from './chromium.mjs';

const kVendor = process.env.MR_VENDOR || null;
const kFirstLoadBytes = 40_000;
const kQuestion = 'How much have we invoiced on the Harbor Point project, and what is still open?';
let chrome;

before(async () => (chrome = await launch()));
after(() => chrome.close());

// A gateway and a page on it, both ended with the test.
async function stage(t, { vendor = kVendor, ...options } = {}) {
  const gateway = await new Gateway({ vendor }).start();
  const missing = existsSync(`${vendor}/vega-embed.min.js`) && existsSync(`${vendor}/marked.min.js`) ? [] : [/404/];
  const page = await openPage(chrome.browser, gateway.url, { allowed: [...missing, ...(options.allowed ?? [])], ...options });
  t.after(async () => {
    await page.finish().finally(() => gateway.stop());
  });
  await page.locator('.link-state[data-state="online"]').waitFor();
  return { gateway, page };
}

// The answer's events with gates before some of them.
function gated(events, gates) {
  return events.flatMap((event, index) => {
    const hit = gates.find(([, match]) => match(event, index));
    return hit ? [gate(hit[0]), event] : [event];
  });
}

test('first load: small, quiet, and inviting', async (t) => {
  const { gateway, page } = await stage(t);
  const bytes = gateway.served.reduce((sum, entry) => sum + entry.bytes, 0);
  t.diagnostic(`first load ${bytes} bytes gzipped in ${gateway.served.length} files`);
  assert.ok(bytes < kFirstLoadBytes, `${bytes} bytes`);
  assert.equal(await page.locator('.example').count(), 4);
  assert.deepEqual(await said(page), []);
  await shot(page, 'welcome');
});

test('a question from an example: phases, tools, text, chart, sources', async (t) => {
  const { gateway, page } = await stage(t);
  gateway.script = () =>
    gated(answerEvents(), [
      ['tools', (event) => event.type === 'tool_complete' && event.tool === 'bigquery'],
      ['text', (event) => event.type === 'text_chunk' && event.content === kAnswer[3]],
      ['more', (event) => event.type === 'text_chunk' && event.content === kAnswer[5]],
    ]);
  await page.getByRole('button', { name: kQuestion }).click();
  const turn = page.locator('.turn');
  await turn.locator('.tool .mark[data-status="ok"]').waitFor();
  assert.equal(await turn.locator('.tracker').getAttribute('open'), '');
  assert.deepEqual(await turn.locator('.phase .label').filter({ visible: true }).allTextContents().then((all) => all.slice(0, 2)), ['Identifying Projects', 'Analyzing Question']);
  assert.equal(await turn.locator('.tool .mark[data-status="running"]').count(), 3);
  await shot(page, 'tools-running');
  gateway.open('tools');
  await turn.locator('.answer.caret').getByText('is still open').waitFor();
  assert.equal(await turn.locator('.answer').getAttribute('aria-busy'), 'true');
  await turn.locator('.stage[data-kind]').waitFor();
  assert.equal(await turn.locator('.tracker').getAttribute('open'), null, 'folded when the text begins');
  await shot(page, 'streaming');
  gateway.open('text');
  await turn.locator('.answer').getByText('HP-0207').waitFor();
  gateway.open('more');
  await settled(page, 'done');
  assert.equal(await turn.locator('.answer').getAttribute('aria-busy'), 'false');
  assert.match(await turn.locator('.tracker > summary').innerText(), /4 phases · 4 tools · 1\.3 s/);
  assert.equal(await turn.locator('.tracker').getAttribute('open'), null);
  assert.equal(await turn.locator('.source-list li').count(), 3);
  assert.equal(await turn.locator('.source-list a').count(), 2);
  if (kVendor) {
    assert.equal(await turn.locator('.answer table tbody tr').count(), 3);
    assert.equal(await turn.locator('.answer strong').first().innerText(), 'Harbor Point');
    assert.equal(await turn.locator('.answer pre code').innerText(), "SELECT SUM(amount) FROM invoices\nWHERE project = 'Harbor Point';");
    assert.equal(await turn.locator('.answer ol > li').count(), 2);
  }
  await turn.locator('.citation').first().click();
  assert.equal(await page.evaluate(() => document.activeElement.closest('li')?.innerText.includes('main contract')), true);
  await page.getByRole('button', { name: 'View data' }).click();
  assert.equal(await turn.locator('.chart-data tbody tr').count(), 8);
  await page.getByRole('button', { name: 'Hide data' }).click();
  assert.match(await turn.locator('.latency').textContent(), /first token.*640 ms.*total.*1\.3 s/);
  await shot(page, 'answer');
  const spoken = await said(page);
  assert.equal(spoken.at(-1), 'say: Answer ready, 3 sources');
  const allowed = /^say: (Identifying projects in your question\.\.\.|Analyzing your question\.\.\.|Searching documents\.\.\.|Querying analytics\.\.\.|Checking CRM\.\.\.|Preparing visualization\.\.\.|Synthesizing findings\.\.\.|Composing answer\.\.\.|Answer ready, 3 sources)$/;
  assert.deepEqual(spoken.filter((line) => !allowed.test(line)), [], 'boundaries only, never streamed text');
});

test('tool details open to arguments, SQL, rows, error and attempts', async (t) => {
  const { gateway, page } = await stage(t);
  const events = answerEvents({ tools: ['documents'], chart: null });
  const failing = toolEvents(kTools.analytics, { status: 'timeout', summary: 'Error: the query took too long', attempts: 3, preview: null, rows: undefined, error: { code: 'timeout', message: 'The query took too long', retryable: true } });
  const at = events.findIndex((event) => event.type === 'sources');
  gateway.script = () => [...events.slice(0, at), ...failing, ...toolEvents(kTools.crm), ...events.slice(at)];
  await ask(page, kQuestion);
  await settled(page, 'done');
  assert.match(await page.locator('.tracker > summary').innerText(), /3 tools · 1 failed/);
  await page.locator('.tracker > summary').click();
  const tools = page.locator('.tool');
  for (const index of [0, 1, 2]) await tools.nth(index).locator('summary').click();
  await page.locator('.tool-body section').first().waitFor();
  await tools.nth(2).getByText('port engineering office').waitFor();
  assert.match(await tools.nth(0).innerText(), /Change order 7/);
  const failed = await tools.nth(1).innerText();
  for (const part of ['GROUP BY month, status', 'The query took too long (timeout) Trying again may help.', '3 attempts']) assert.ok(failed.includes(part), `${part} in ${failed}`);
  assert.equal(await tools.nth(1).locator('.mark').first().textContent(), 'timed out: ');
  await shot(page, 'tool-details');
});

test('keyboard: new line, stop, edit last, focus', async (t) => {
  const { gateway, page } = await stage(t);
  gateway.script = (text) => (text === 'hold' ? gated(answerEvents(), [['never', (event) => event.type === 'text_chunk' && event.offset > 0]]) : answerEvents());
  await page.keyboard.press('/');
  await page.keyboard.type('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('two');
  await page.keyboard.press('Enter');
  await settled(page, 'done');
  assert.equal(gateway.received.at(-1).message, 'one\ntwo');
  await ask(page, 'hold');
  await page.locator('.turn[data-status="streaming"]').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Stop' }).isVisible(), true);
  await shot(page, 'stop-offered');
  await page.keyboard.press('Escape');
  await settled(page, 'cancelled');
  assert.deepEqual(gateway.received.filter((frame) => frame.type === 'cancel').length, 1);
  assert.equal(await page.locator('.turn .note').last().innerText(), 'Stopped.');
  assert.equal(await page.locator('.spinner').count(), 0);
  assert.equal((await said(page)).at(-1), 'say: Stopped');
  await page.keyboard.press('ArrowUp');
  assert.equal(await page.getByLabel('Your question').inputValue(), 'hold');
  await page.keyboard.press('Escape');
  assert.equal(await page.getByLabel('Your question').inputValue(), '');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.type(' on');
  await page.keyboard.press('Enter');
  await settled(page, 'done');
  const { type, message } = gateway.received.at(-1);
  assert.deepEqual([type, message], ['regenerate', 'hold on']);
  await page.locator('.brand').click();
  await page.keyboard.press('Control+k');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'question');
});

test('stop button, thumbs, ask again, new conversation', async (t) => {
  const { gateway, page } = await stage(t);
  gateway.script = (text) => (text === 'hold' ? [answerEvents()[0], gate('never')] : answerEvents());
  await ask(page, 'hold');
  await page.locator('.turn[data-status="phases"]').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await settled(page, 'cancelled');
  await ask(page, 'next');
  await settled(page, 'done');
  const good = page.getByRole('button', { name: 'Good answer' }).last();
  await good.click();
  await page.locator('.quiet[aria-label="Good answer"][aria-pressed="true"]').waitFor();
  await page.getByRole('button', { name: 'Ask again' }).last().click();
  await page.locator('.turn').nth(2).waitFor();
  await settled(page, 'done');
  assert.deepEqual(gateway.received.map((frame) => frame.type), ['ask', 'cancel', 'ask', 'feedback', 'regenerate']);
  await page.getByRole('button', { name: 'New conversation' }).click();
  await page.locator('#welcome').waitFor();
  await page.locator('.link-state[data-state="online"]').waitFor();
  assert.equal(await page.locator('.turn').count(), 0);
  assert.deepEqual(gateway.handshakes.at(-1), ['mr.v2']);
});

test('a second question waits for the first', async (t) => {
  const { gateway, page } = await stage(t);
  gateway.script = (text) => gated(answerEvents({ chunks: [`Answer to ${text}.`] }), [[text, (event) => event.type === 'usage']]);
  await ask(page, 'first');
  await page.getByText('Answer to first.').waitFor();
  await ask(page, 'second');
  await page.locator('.turn').nth(1).waitFor();
  assert.equal(await page.getByText('Answer to second.').count(), 0);
  gateway.open('first');
  gateway.open('second');
  await page.getByText('Answer to second.').waitFor();
  await settled(page, 'done');
});

test('errors: of a turn, of a refusal, of an empty end', async (t) => {
  const { gateway, page } = await stage(t);
  const failure = [{ type: 'error', message: 'The model did not answer in time.', code: 'provider_timeout', fatal: false }, { type: 'text_chunk', content: 'I could not finish this answer.', offset: 0 }, { type: 'response_complete', sources: [], status: 'error', text_length: 31 }];
  gateway.script = () => [...answerEvents().slice(0, 4), ...failure];
  await ask(page, kQuestion);
  await settled(page, 'error');
  assert.equal(await page.locator('.note').innerText(), 'The model did not answer in time.');
  assert.equal(await page.locator('.spinner').count(), 0);
  assert.equal((await said(page)).at(-1), 'alert: The model did not answer in time.');
  await page.locator('.tracker > summary').click();
  await shot(page, 'error');
});

test('reload in the middle of an answer', async (t) => {
  const { gateway, page } = await stage(t);
  gateway.script = () => gated(answerEvents(), [['go', (event) => event.type === 'text_chunk' && event.content === kAnswer[4]]]);
  await ask(page, kQuestion);
  await page.locator('.answer').getByText('HP-0231').first().waitFor();
  await page.reload();
  await page.locator('.turn[data-status="streaming"]').waitFor();
  gateway.open('go');
  await settled(page, 'done');
  const resumed = await transcript(page);
  await page.reload();
  await settled(page, 'done');
  assert.equal(await transcript(page), resumed);
  assert.match(resumed, /Payment usually follows within 30 days/);
  assert.equal(gateway.received.filter((frame) => frame.type === 'ask').length, 1);
});

test('connection lost: banner, question kept, everything caught up', async (t) => {
  const { gateway, page } = await stage(t, { allowed: [/WebSocket connection to/] });
  gateway.script = () => gated(answerEvents(), [['go', (event) => event.type === 'text_chunk' && event.content === kAnswer[2]]]);
  await ask(page, kQuestion);
  await page.locator('.answer').getByText('so far').waitFor();
  gateway.available = false;
  gateway.cutAll();
  await page.locator('.banner').getByText('Connection lost.').waitFor();
  await ask(page, 'And last year?');
  await page.getByText('Waiting for the connection').waitFor();
  await shot(page, 'connection-lost');
  gateway.available = true;
  gateway.open('go');
  await page.getByRole('button', { name: 'Retry now' }).click();
  await page.locator('.link-state[data-state="online"]').waitFor();
  await page.locator('.turn[data-status="done"]').nth(1).waitFor();
  assert.equal(await page.locator('.banner').isVisible(), false);
  const spoken = await said(page);
  assert.ok(spoken.includes('say: Connection lost') && spoken.includes('say: Connected again'));
  assert.equal(gateway.received.filter((frame) => frame.type === 'ask').length, 2);
});

test('offline emulation', async (t) => {
  const { gateway, page } = await stage(t, { allowed: [/ERR_INTERNET_DISCONNECTED|WebSocket connection to/] });
  await page.context().setOffline(true);
  gateway.cutAll();
  await page.locator('.banner').getByText('offline').waitFor();
  await page.context().setOffline(false);
  await page.locator('.link-state[data-state="online"]').waitFor();
  await ask(page, kQuestion);
  await settled(page, 'done');
});

test('the connection cut after every single event: the same transcript', async (t) => {
  const { gateway, page } = await stage(t, { allowed: [/WebSocket connection to/] });
  await ask(page, kQuestion);
  await settled(page, 'done');
  const expected = (await transcript(page)).replaceAll(/(Question|Answer) \d+/g, '$1');
  const total = answerEvents().length;
  for (let cut = 1; cut <= total; cut += 1) {
    await page.getByRole('button', { name: 'New conversation' }).click();
    await page.locator('.turn').waitFor({ state: 'detached' });
    await page.locator('.link-state[data-state="online"]').waitFor();
    const handshakes = gateway.handshakes.length;
    gateway.cutAfterEvents = cut;
    await ask(page, kQuestion);
    await settled(page, 'done');
    // The last event may be the cut: the page must come back all the same.
    await page.locator('.link-state[data-state="online"]').waitFor();
    assert.equal((await transcript(page)).replaceAll(/(Question|Answer) \d+/g, '$1'), expected, `cut after event ${cut}`);
    if (cut < total) assert.equal(gateway.handshakes.length, handshakes + 1, `cut after event ${cut} really happened`);
  }
});

test('a log that is gone: the snapshot replaces', async (t) => {
  const { gateway, page } = await stage(t, { allowed: [/WebSocket connection to/] });
  gateway.script = () => gated(answerEvents(), [['never', (event) => event.type === 'text_chunk' && event.content === kAnswer[2]]]);
  await ask(page, kQuestion);
  await page.locator('.answer').getByText('so far').waitFor();
  gateway.recover = false;
  gateway.snapshot = (session) => ({ type: 'text_snapshot', content: 'The whole answer.', phases: [], tools: [], sources: [], charts: [], status: 'ok', text_length: 17, turn_id: session.turn.id, id: `${session.epoch}-${session.seq}`, ts: Date.now() });
  gateway.cutAll();
  await settled(page, 'done');
  assert.equal((await page.locator('.answer').innerText()).trim(), 'The whole answer.');
});

test('a second window on the same session sees the same answer', async (t) => {
  const { gateway, page } = await stage(t);
  gateway.script = () => gated(answerEvents({ chunks: ['Shared.'] }), [['go', (event) => event.type === 'usage']]);
  await ask(page, kQuestion);
  await page.getByText('Shared.').waitFor();
  const twin = await page.context().newPage();
  const stored = await page.evaluate(() => {
    dispatchEvent(new Event('pagehide'));
    return Object.entries(sessionStorage);
  });
  await twin.addInitScript((entries) => entries.forEach(([key, value]) => sessionStorage.setItem(key, value)), stored);
  await twin.goto(gateway.url);
  await twin.getByText('Shared.').waitFor();
  gateway.open('go');
  await settled(twin, 'done');
  await settled(page, 'done');
  await ask(twin, 'From the twin');
  await page.getByText('A question asked in another window').waitFor();
  await settled(page, 'done');
});
