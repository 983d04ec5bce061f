// A question spoken to a running gateway (MR_URL), with whatever recogniser and voice it has: the right
// words, the right answer, sound at the output, an interruption. The speaker is flite. How long things take
// is reported, over MR_VOICE_RUNS questions (default 1), and never judged.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { launch, openPage, settled, shot } from './browser/chromium.mjs';
import { launchWithFile, listen, wavOf } from './browser/microphone.mjs';

const kQuestion = 'Which invoices are overdue?';
const kInterruption = 'And what is still open on that project?';
const kRuns = Number(process.env.MR_VOICE_RUNS) || 1;
const kTurnMs = 60_000;
const kSpeechRate = 16_000; // flite's
let folder;
let why = ''; // there is nothing to test

before(() => (folder = mkdtempSync(path.join(tmpdir(), 'mr-ws-spoken-'))));
after(() => rmSync(folder, { recursive: true, force: true }));

// Samples of a spoken sentence; null where there is no flite.
function spoken(text) {
  const file = path.join(folder, 'spoken.wav');
  try {
    execFileSync('flite', ['-voice', 'slt', '-t', text, '-o', file]);
  } catch {
    why = 'flite is not installed';
    return null;
  }
  const data = readFileSync(file);
  const at = data.indexOf('data') + 8;
  return Array.from({ length: (data.length - at) >> 1 }, (_, n) => data.readInt16LE(at + 2 * n));
}

async function stage(t, chrome, scripts) {
  const page = await openPage(chrome.browser, process.env.MR_URL, { allowed: [/404/, /WebSocket connection to/], scripts: [listen, ...scripts] });
  page.setDefaultTimeout(kTurnMs);
  t.after(() => page.finish().finally(() => chrome.close()));
  await page.locator('.link-state[data-state="online"]').waitFor();
  return page;
}

const microphone = (page) => page.getByRole('button', { name: 'Microphone' });
const speaking = (page) => page.getByRole('button', { name: /^Speaking/ });
const words = (text) => text.toLowerCase().match(/[a-z]+/g) ?? [];

// The share of a sentence's words that was understood.
function understood(said, heard) {
  const all = words(heard);
  return words(said).filter((word) => all.includes(word)).length / words(said).length;
}

// Turns the microphone on and waits for the question; false, with the reason, where there is no voice.
async function asked(page, t) {
  await microphone(page).click();
  const problem = page.locator('.voice-problem');
  await page.locator('.voice-problem:visible, .question-text').first().waitFor();
  if (!(await problem.isVisible())) return true;
  why = await problem.innerText();
  t.skip(why);
  return false;
}

const fact = (page, name) => page.locator('.latency div').filter({ has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) }).locator('dd').textContent();
const milliseconds = (text) => (/ ms$/.test(text) ? 1 : 1000) * Number.parseFloat(text);
const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

test('a spoken question is understood, answered and heard', async (t) => {
  const samples = spoken(kQuestion);
  if (samples === null) return t.skip(why);
  const file = path.join(folder, 'question.wav');
  const silence = (seconds) => new Array(seconds * kSpeechRate).fill(0);
  writeFileSync(file, wavOf([...silence(1), ...samples, ...silence(60)], kSpeechRate));
  const page = await stage(t, await launchWithFile(file), []);
  const waits = [];
  for (let run = 0; run < kRuns; run += 1) {
    if (!(await asked(page, t))) return;
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
  waits.sort((a, b) => a - b);
  t.diagnostic(`voice to voice over ${waits.length}: p50 ${quantile(waits, 0.5)} ms, p95 ${quantile(waits, 0.95)} ms`);
});

// Runs in the page: a microphone into which the test speaks when it wants to.
function controlled(sentences) {
  let context;
  let target;
  navigator.mediaDevices.getUserMedia = async () => {
    context = new AudioContext();
    target = context.createMediaStreamDestination();
    return target.stream;
  };
  window.say = (index) => {
    const samples = Float32Array.from(sentences[index].samples, (sample) => sample / 32768);
    const buffer = context.createBuffer(1, samples.length, sentences[index].rate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(target);
    source.start();
  };
}

test('who speaks while the answer is spoken interrupts it', async (t) => {
  if (why) return t.skip(why);
  const sentences = [kQuestion, kInterruption].map((text) => ({ samples: spoken(text), rate: kSpeechRate }));
  if (why) return t.skip(why);
  const page = await stage(t, await launch(['--autoplay-policy=no-user-gesture-required']), [{ content: `(${controlled})(${JSON.stringify(sentences)})` }]);
  await microphone(page).click();
  await page.getByText('Listening', { exact: true }).first().waitFor();
  await page.evaluate(() => window.say(0));
  await speaking(page).waitFor();
  await page.waitForFunction(() => window.loudness() > 0.005);
  await page.evaluate(() => {
    const from = performance.now();
    window.say(1);
    const look = () => (window.loudness() < 0.001 ? (window.silentAfter = performance.now() - from) : setTimeout(look, 2));
    look();
  });
  await page.waitForFunction(() => window.silentAfter !== undefined);
  t.diagnostic(`from the first sound of the interruption to silence: ${Math.round(await page.evaluate(() => window.silentAfter))} ms`);
  await page.locator('.question-text').nth(1).waitFor();
  const heard = await page.locator('.question-text').nth(1).innerText();
  assert.ok(understood(kInterruption, heard) >= 0.5, heard);
  await settled(page, 'done');
  assert.equal(await page.locator('.spinner').count(), 0);
});
