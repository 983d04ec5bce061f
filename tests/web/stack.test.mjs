// The main scenario against a real gateway (MR_URL): what a person does in the first minutes. Cuts
// its connections through a small TCP relay of its own, so the gateway itself is never disturbed.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { ask, launch, openPage, said, settled, shot, transcript } from './browser/chromium.mjs';

const kQuestion = 'How much have we invoiced on the Harbor Point project, and what is still open?';
const kPhases = ['Identifying Projects', 'Analyzing Question', 'Synthesizing', 'Composing Answer'];
const kTurnMs = 30_000;
let chrome;
let relay;
// Without a single answer the other tests would only wait for theirs: the first one has failed then.
let answering = false;
function needsAnswers(t) {
  if (!answering) t.skip('the gateway answers no question');
  return answering;
}

/** Passes bytes between loopback and the gateway until told to cut. */
class Relay {
  constructor(target) {
    this.target = new URL(target);
    this.links = new Set();
    this.blocked = false;
  }

  async start() {
    const { hostname, port, protocol } = this.target;
    const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) };
    this.server = net.createServer((near) => {
      if (this.blocked) return near.destroy();
      const far = net.connect(address);
      const link = { cut: () => [near, far].forEach((socket) => socket.destroy()) };
      this.links.add(link);
      for (const [from, to] of [[near, far], [far, near]]) {
        from.pipe(to);
        from.on('error', () => {});
        from.on('close', () => {
          to.destroy();
          this.links.delete(link);
        });
      }
    });
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    // The same name as the gateway's: its certificate and origin rules see nothing new.
    this.url = `${protocol}//${hostname}:${this.server.address().port}/`;
    return this;
  }

  cut() {
    for (const link of [...this.links]) link.cut();
  }

  async stop() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

before(async () => {
  relay = await new Relay(process.env.MR_URL).start();
  chrome = await launch();
});
after(async () => {
  await chrome?.close();
  await relay?.stop();
});

async function stage(t, options = {}) {
  // Without the optional libraries the page asks for files that are not there.
  const page = await openPage(chrome.browser, relay.url, { allowed: [/404/, /WebSocket connection to/, /ERR_(CONNECTION|EMPTY_RESPONSE|SOCKET)/], ...options });
  t.after(() => page.finish());
  page.setDefaultTimeout(kTurnMs);
  await page.locator('.link-state[data-state="online"]').waitFor();
  return page;
}

test('a question, its phases, tools, streamed text and sources', async (t) => {
  const page = await stage(t);
  await shot(page, 'stack-welcome');
  await page.evaluate(() => {
    window.lengths = new Set();
    new MutationObserver(() => {
      const text = document.querySelector('.answer')?.textContent ?? '';
      if (text) window.lengths.add(text.length);
    }).observe(document.getElementById('log'), { childList: true, subtree: true, characterData: true });
  });
  await page.getByRole('button', { name: kQuestion }).click();
  const turn = page.locator('.turn');
  // Attached, not visible: a quick answer may have closed the tracker again.
  await turn.locator('.phase').first().waitFor({ state: 'attached' });
  await shot(page, 'stack-phases');
  await page.locator('.answer.caret, .turn[data-status="done"] .answer').first().waitFor();
  await shot(page, 'stack-streaming');
  await settled(page, 'done');
  answering = true;
  await transcript(page);
  await shot(page, 'stack-answer');
  assert.deepEqual(await turn.locator('.phase .label').evaluateAll((nodes) => nodes.filter((node) => !node.closest('.tools')).map((node) => node.textContent)), kPhases);
  assert.equal(await turn.locator('.phase:not([data-status="ok"]):not([data-status="skipped"])').count(), 0);
  assert.ok((await turn.locator('.tool').count()) >= 1);
  assert.equal(await turn.locator('.tool .mark[data-status="running"], .spinner').count(), 0);
  const answer = await turn.locator('.answer').innerText();
  assert.match(answer, /Harbor Point/);
  assert.match(answer, /\d[\d,.]{3,}/, 'real amounts');
  assert.ok((await turn.locator('.source-list li').count()) >= 1);
  assert.ok(await page.evaluate(() => window.lengths.size >= 2), 'the text came in pieces');
  assert.equal(await turn.locator('.note').isVisible(), false);
  assert.match((await said(page)).at(-1), /^say: Answer ready, \d+ sources?$/);
  await turn.locator('.tracker > summary').click();
  await turn.locator('.tool > summary').first().click();
  await turn.locator('.tool-body > *').first().waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await shot(page, 'stack-details');
});

test('a follow-up is understood, and a chart is drawn', async (t) => {
  if (!needsAnswers(t)) return;
  const page = await stage(t);
  await ask(page, kQuestion);
  await settled(page, 'done');
  await ask(page, 'and compared with last year?');
  await settled(page, 'done');
  assert.match(await page.locator('.answer').last().innerText(), /\d/);
  await ask(page, 'Chart our invoiced revenue by month this year');
  await settled(page, 'done');
  await page.locator('.chart').last().waitFor();
  await transcript(page);
  await shot(page, 'stack-chart');
  await page.getByRole('button', { name: 'View data' }).last().click();
  assert.ok((await page.locator('.chart-data tbody tr').count()) >= 2);
});

test('stop, then ask again', async (t) => {
  if (!needsAnswers(t)) return;
  const page = await stage(t);
  await ask(page, kQuestion);
  await page.keyboard.press('Escape');
  await settled(page, 'cancelled', 'done');
  assert.equal(await page.locator('.spinner').count(), 0);
  await ask(page, 'Which five projects have the most change orders?');
  await settled(page, 'done');
  await page.getByRole('button', { name: 'Good answer' }).last().click();
});

test('reload in the middle and after the end', async (t) => {
  if (!needsAnswers(t)) return;
  const page = await stage(t);
  await ask(page, kQuestion);
  await page.locator('.phase').first().waitFor({ state: 'attached' });
  await page.reload();
  await settled(page, 'done');
  const text = await transcript(page);
  await page.reload();
  await settled(page, 'done');
  assert.equal(await transcript(page), text);
});

test('connections cut while the answer streams: the same answer', async (t) => {
  if (!needsAnswers(t)) return;
  const page = await stage(t);
  await ask(page, kQuestion);
  await settled(page, 'done');
  const expected = await page.locator('.answer').innerText();
  const marks = ['.phase', '.tool', '.phase:nth-child(3)', '.answer > *'];
  for (const mark of marks) {
    await page.getByRole('button', { name: 'New conversation' }).click();
    await page.locator('.turn').waitFor({ state: 'detached' });
    await page.locator('.link-state[data-state="online"]').waitFor();
    await ask(page, kQuestion);
    await page.locator(mark).first().waitFor({ state: 'attached' });
    relay.cut();
    await settled(page, 'done');
    await page.locator('.link-state[data-state="online"]').waitFor();
    assert.equal(await page.locator('.answer').innerText(), expected, `cut at ${mark}`);
    assert.equal(await page.locator('.note').isVisible(), false);
  }
});

test('gateway unreachable for a while: banner, kept question, answer', async (t) => {
  if (!needsAnswers(t)) return;
  const page = await stage(t);
  relay.blocked = true;
  relay.cut();
  await page.locator('.banner').getByText('Connection lost.').waitFor();
  await ask(page, kQuestion);
  await page.getByText('Waiting for the connection').waitFor();
  await shot(page, 'stack-lost');
  relay.blocked = false;
  await page.getByRole('button', { name: 'Retry now' }).click();
  await settled(page, 'done');
});

for (const [name, options] of [['dark', { colorScheme: 'dark' }], ['320', { viewport: { width: 320, height: 640 } }]]) {
  test(`pictures in ${name}`, async (t) => {
    if (!needsAnswers(t)) return;
    const page = await stage(t, options);
    await ask(page, kQuestion);
    await settled(page, 'done');
    await transcript(page);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)) <= 0);
    await page.evaluate(() => scrollTo(0, 0));
    await shot(page, `stack-${name}`);
  });
}
