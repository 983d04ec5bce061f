// A question spoken to a running gateway (MR_URL), with whatever recogniser and voice it has: the right
// words, the right answer, sound at the output. The speaker is flite. How long things take is reported, over
// MR_VOICE_RUNS questions (default 1), and never judged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settled, shot } from './browser/chromium.mjs';
import { joined, silence, spoken } from './sounds.mjs';
import { asked, microphone, quantile, speaking, spokenStage, understood } from './spoken.mjs';

const kQuestion = 'Which invoices are overdue?';
const kRuns = Number(process.env.MR_VOICE_RUNS) || 1;

const fact = (page, name) => page.locator('.latency div').filter({ has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) }).locator('dd').textContent();
const milliseconds = (text) => (/ ms$/.test(text) ? 1 : 1000) * Number.parseFloat(text);

test('a spoken question is understood, answered and heard', async (t) => {
  const said = spoken(kQuestion);
  if (said === null) return t.skip('flite is not installed');
  const page = await spokenStage(t, joined(silence(1), said, silence(60)));
  const waits = [];
  for (let run = 0; run < kRuns; run += 1) {
    const why = await asked(page);
    if (why) return t.skip(why);
    await speaking(page).waitFor();
    await page.waitForFunction(() => window.loudness() > 0.005);
    if (run === 0) await shot(page, 'stack-voice');
    await microphone(page).click();
    await settled(page, 'done');
    const heard = await page.locator('.question-text').innerText();
    t.diagnostic(`understood: ${heard}`);
    assert.ok(understood(kQuestion, heard) >= 0.6, heard);
    assert.match(await page.locator('.answer').innerText(), /\d[\d,.]{3,}/, 'real amounts');
    waits.push(milliseconds(await fact(page, 'heard after')));
    t.diagnostic(`measured: ${await page.locator('.latency').textContent()}`);
    if (await speaking(page).isVisible()) await speaking(page).click();
    await page.getByText('Microphone off').first().waitFor();
    await page.getByRole('button', { name: 'New conversation' }).click();
    await page.locator('.turn').waitFor({ state: 'detached' });
    await page.locator('.link-state[data-state="online"]').waitFor();
  }
  t.diagnostic(`voice to voice over ${waits.length}: p50 ${quantile(waits, 0.5)} ms, p95 ${quantile(waits, 0.95)} ms`);
});
