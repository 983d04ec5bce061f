// Voice in a real browser against the mock gateway: a microphone that plays a file, sound measured at the
// output, losses and refusals. How long things take is reported, never judged.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Gateway, gate } from '../mock_gateway.mjs';
import { answerEvents } from '../scenario.mjs';
import { launch, openPage, overflow, said, scan, settled, shot } from './chromium.mjs';
import { launchWithMicrophone, listen } from './microphone.mjs';

const kVendor = process.env.MR_VENDOR || null;
const kQuestion = 'How many open invoices do we have?';
const kAnswer = ['There are **twelve** open invoices, ', 'worth $42,000 together. ', 'Three of them are overdue.'];
const kSegments = [['There are twelve open invoices,', 1], ['worth forty two thousand dollars together.', 1], ['Three of them are overdue.', 20]];
const kWaitMs = 30_000;
// Microphones: who asks once, who goes on asking, who never stops. A browser each, started when it is needed.
const kMicrophones = {
  once: [[[0.3, false], [1.2, true], [60, false]]],
  again: [[[1.2, true], [2, false]], { loop: true }],
  always: [[[2, true]], { loop: true }],
};
const started = new Map();
after(() => Promise.all([...started.values()].map(async (chrome) => (await chrome).close())));

function browserWith(name) {
  if (!started.has(name)) started.set(name, launchWithMicrophone(...kMicrophones[name]));
  return started.get(name);
}

// `name`: one of kMicrophones, or a browser of the test's own.
async function stage(t, name, voice = {}, options = {}) {
  const chrome = await (typeof name === 'string' ? browserWith(name) : name);
  const gateway = new Gateway({ vendor: kVendor });
  gateway.voice = voice;
  gateway.script = () => answerEvents({ chunks: kAnswer, chart: null });
  await gateway.start();
  const page = await openPage(chrome.browser, gateway.url, { allowed: [/404/, /WebSocket connection to/], scripts: [listen], ...options });
  t.after(() => page.finish().finally(() => Promise.all([gateway.stop(), typeof name === 'string' || chrome.close()])));
  page.setDefaultTimeout(kWaitMs);
  await page.locator('.link-state[data-state="online"]').waitFor();
  return { gateway, page };
}

const problem = (page) => page.locator('.voice-problem');
const microphone = (page) => page.getByRole('button', { name: 'Microphone' });
const playbacks = (gateway, state) => gateway.received.filter((frame) => frame.type === 'playback' && frame.state === state);

// Polls until `check()` gives something true.
async function until(what, check) {
  for (const end = Date.now() + kWaitMs; Date.now() < end; ) {
    const value = await check();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`waited in vain for ${what}`);
}

test('a spoken question: caption, answer, sound, mark, measures', async (t) => {
  const voice = { transcripts: [kQuestion], segments: kSegments.slice(0, 2) };
  const { gateway, page } = await stage(t, 'once', voice);
  await microphone(page).click();
  await page.locator('.caption[data-final="true"]').getByText(kQuestion).waitFor();
  assert.ok((await page.evaluate(() => window.captions)).includes('false: How many'), 'grey while it grows');
  await page.waitForFunction(() => window.loudest > 0.05);
  assert.equal(await page.locator('.question-text').innerText(), kQuestion);
  await page.waitForFunction(() => window.marks.some((text) => text.startsWith('There are twelve')));
  await page.waitForFunction(() => window.marks.some((text) => text.startsWith('worth $42,000 together')));
  await settled(page, 'done');
  await page.getByRole('button', { name: /^Speaking/ }).waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => CSS.highlights.size), 0);
  await page.waitForFunction(() => window.loudness() < 0.001);
  assert.deepEqual(['started', 'ended'].map((state) => playbacks(gateway, state).map((frame) => [frame.segment, frame.at_ms])), [[[0, 0], [1, 0]], [[0, 1000], [1, 1000]]]);
  await page.locator('.latency').filter({ hasText: /voice to voice.*700 ms.*heard after/ }).waitFor({ state: 'attached' });
  t.diagnostic(`timings: ${await page.locator('.latency').textContent()}`);
  await microphone(page).click();
  await page.getByText('Microphone off').first().waitFor();
  assert.equal(await microphone(page).getAttribute('aria-pressed'), 'false');
  const [stream] = voice.streams;
  assert.equal(stream.start.transport, 'binary');
  const lengths = stream.pcm.map((frame) => frame.length);
  assert.ok(lengths.every((length) => length >= 160 && length <= 3200), String(lengths));
  assert.equal(voice.streams.length, 1);
  assert.equal(gateway.handshakes.length, 2, 'one connection, moved once');
  const spoken = await said(page);
  const allowed = /^say: (Listening|Heard: How many open invoices do we have\?|Microphone off|Identifying .*|Analyzing .*|Searching .*|Querying .*|Checking .*|Preparing .*|Synthesizing .*|Composing .*|Answer ready, 3 sources)$/;
  assert.deepEqual(spoken.filter((line) => !allowed.test(line)), []);
});

test('push to talk: Space held, repeated, released; blur and hiding let go; fields keep their spaces', async (t) => {
  const voice = { transcripts: ['one', 'two', 'three', 'four'] };
  const { gateway, page } = await stage(t, 'always', voice);
  const questions = (count) => until(`question ${count}`, () => gateway.received.filter((frame) => frame.type === 'voice_stop').length === count);
  await page.keyboard.down('Space');
  await page.keyboard.down('Space');
  await page.getByText('release Space to send').waitFor();
  await page.locator('.caption').getByText('one').waitFor();
  await page.keyboard.up('Space');
  await questions(1);
  await page.locator('.question-text').getByText('one').waitFor();
  await page.keyboard.down('Space');
  await page.locator('.caption').getByText('two').waitFor();
  await page.evaluate(() => window.dispatchEvent(new Event('blur')));
  await questions(2);
  await page.keyboard.up('Space');
  await page.keyboard.down('Space');
  await page.locator('.caption').getByText('three').waitFor();
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
    delete document.visibilityState;
  });
  await questions(3);
  await page.keyboard.up('Space');
  assert.equal(gateway.received.filter((frame) => frame.type === 'voice_start').length, 3);
  assert.deepEqual(voice.streams.map((stream) => stream.start.mode), ['ptt', 'ptt', 'ptt']);
  await until('all three', async () => (await page.locator('.question-text').allInnerTexts()).join() === 'one,two,three');
  await page.getByLabel('Your question').fill('a');
  await page.keyboard.press('Space');
  assert.equal(await page.getByLabel('Your question').inputValue(), 'a ');
  await microphone(page).focus();
  await page.keyboard.press('Space');
  await page.getByText('Listening', { exact: true }).first().waitFor();
  await page.keyboard.press('Enter');
  await questions(4);
  assert.equal(voice.streams[3].start.mode, 'auto', 'a focused button is pressed by it');
});

test('a cough: on from where it was; words: silence at the first sound, interruption at the first word', async (t) => {
  const transcripts = [kQuestion, '', ...Array(12).fill('Wait a moment please')];
  const { gateway, page } = await stage(t, 'again', { transcripts, segments: kSegments });
  const interrupts = () => gateway.received.filter((frame) => frame.type === 'interrupt');
  await microphone(page).click();
  await page.waitForFunction(() => window.loudest > 0.05);
  await page.getByRole('button', { name: /^Paused/ }).waitFor();
  const resumed = await until('the voice to go on', () => playbacks(gateway, 'resumed')[0]);
  const [coughed] = playbacks(gateway, 'paused');
  assert.deepEqual([resumed.segment, resumed.at_ms], [coughed.segment, coughed.at_ms]);
  assert.equal(interrupts().length, 0);
  await until('an interruption', () => interrupts()[0]);
  const silences = () => page.evaluate(() => window.bargeIns().filter(Number.isFinite).map(Math.round));
  await until('silence twice', async () => (await silences()).length > 1);
  t.diagnostic(`first sound in the microphone to silence: ${(await silences()).join(', ')} ms`);
  const [interrupt] = interrupts();
  const paused = playbacks(gateway, 'paused')[1];
  assert.deepEqual([interrupt.turn_id, interrupt.segment, interrupt.played_ms], [paused.turn_id, paused.segment, paused.at_ms]);
  assert.ok(paused.segment > coughed.segment || paused.at_ms > coughed.at_ms, 'it did go on');
});

test('a tap and Esc stop, and reading aloud can be switched off for good', async (t) => {
  const voice = { transcripts: ['one', 'two', 'three', 'four'], segments: kSegments };
  const { gateway, page } = await stage(t, 'always', voice);
  const talk = async (word) => {
    await page.keyboard.down('Space');
    await page.locator('.caption').getByText(word).waitFor();
    await page.keyboard.up('Space');
  };
  const interrupted = (count) => until('an interruption', () => gateway.received.filter((frame) => frame.type === 'interrupt').length === count);
  await talk('one');
  await page.getByRole('button', { name: /^Speaking/ }).click();
  await interrupted(1);
  await page.waitForFunction(() => window.loudness() < 0.001);
  await page.evaluate(() => document.activeElement.blur());
  await talk('two');
  await page.getByRole('button', { name: /^Speaking/ }).waitFor();
  await page.keyboard.press('Escape');
  await interrupted(2);
  await talk('three');
  await page.getByRole('button', { name: /^Speaking/ }).waitFor();
  await page.getByRole('button', { name: 'Read aloud' }).click();
  await page.getByRole('button', { name: /^Speaking/ }).waitFor({ state: 'hidden' });
  await page.waitForFunction(() => window.loudness() < 0.001);
  await page.getByRole('combobox', { name: 'Speed of speech' }).selectOption('1.2');
  await page.reload();
  await page.locator('.link-state[data-state="online"]').waitFor();
  await talk('four');
  await until('the fourth stream', () => voice.streams.length === 4);
  assert.deepEqual(voice.streams.slice(2).map((stream) => [stream.start.tts, stream.start.speed]), [[true, undefined], [false, 1.2]]);
});

test('a reconnect in mid-speech resends exactly the gap', async (t) => {
  const voice = { transcripts: [''] };
  const { gateway, page } = await stage(t, 'always', voice);
  await microphone(page).click();
  const second = 16_000;
  const enough = second / 2;
  for (let loss = 1; loss <= 2; loss += 1) {
    const before = voice.streams[0]?.samples ?? 0;
    await until('some sound', () => (voice.streams[0]?.samples ?? 0) > before + enough);
    gateway.cutAll();
    await until('the return', () => voice.streams[0].acks.length === loss);
  }
  await until('sound behind it', () => voice.streams[0].samples > (voice.streams[0].acks[1] * second) / 1000 + enough);
  await microphone(page).click();
  await page.getByText('Microphone off').first().waitFor();
  const captured = (await page.evaluate(() => window.captured)).flat();
  const received = voice.streams[0].pcm.flatMap((frame) => [...frame]);
  assert.equal(received.length, captured.length);
  assert.ok(received.every((sample, index) => sample === captured[index]), 'every sample, once, in order');
  assert.ok(captured.some((sample) => Math.abs(sample) > 1000), 'and it was sound');
  t.diagnostic(`${voice.streams[0].acks.map((ms) => `resumed at ${ms} ms`).join(', ')}, ${received.length} samples in all`);
});

test('a server that has forgotten the stream opens it anew', async (t) => {
  const voice = { transcripts: ['', kQuestion], forgetful: true };
  const { gateway, page } = await stage(t, 'again', voice);
  await microphone(page).click();
  await until('sound', () => (voice.streams[0]?.samples ?? 0) > 8000);
  gateway.cutAll();
  await until('a stream anew', () => voice.streams.length > 1);
  assert.equal(voice.streams[1].id, voice.streams[0].id);
  await page.locator('.question-text').getByText(kQuestion).waitFor();
});

// Firefox: a context of another rate than the microphone's is refused.
function refuseOtherRates() {
  const { createMediaStreamSource } = AudioContext.prototype;
  window.rates = [];
  AudioContext.prototype.createMediaStreamSource = function (stream) {
    window.rates.push(this.sampleRate);
    if (this.sampleRate === 16_000) throw new DOMException('different sample rates', 'NotSupportedError');
    return createMediaStreamSource.call(this, stream);
  };
}

test('a browser that does not convert: the worklet does', async (t) => {
  const voice = { transcripts: [kQuestion] };
  const { page } = await stage(t, 'again', voice, { scripts: [listen, refuseOtherRates] });
  await microphone(page).click();
  await page.locator('.question-text').getByText(kQuestion).waitFor();
  const rates = await page.evaluate(() => window.rates);
  assert.equal(rates[0], 16_000);
  assert.ok(rates[1] > 16_000, String(rates));
  const [begun] = voice.streams;
  const from = begun.samples;
  const began = Date.now();
  await until('a second of sound', () => begun.samples > from + 16_000);
  t.diagnostic(`a second of sound at ${rates[1]} Hz took ${Date.now() - began} ms`);
  assert.deepEqual([...new Set(begun.pcm.slice(1).map((frame) => frame.length))], [640]);
});

test('permission denied: words, help, and typing goes on', async (t) => {
  const { page } = await stage(t, await launch(['--use-fake-device-for-media-stream', '--deny-permission-prompts']));
  await microphone(page).click();
  await problem(page).getByText('does not let this page use the microphone').waitFor();
  assert.equal(await microphone(page).getAttribute('aria-pressed'), 'false');
  assert.ok((await said(page)).includes('alert: The browser does not let this page use the microphone.'));
  await scan(page, 'denied');
  await shot(page, 'voice-denied');
  const [help] = await Promise.all([page.context().waitForEvent('page'), problem(page).getByRole('link', { name: 'What helps' }).click()]);
  await help.getByRole('heading', { name: 'The browser does not allow it' }).waitFor();
  await scan(help, 'help');
  await help.close();
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await problem(page).waitFor({ state: 'hidden' });
  await page.getByLabel('Your question').fill('Typed');
  await page.keyboard.press('Enter');
  await settled(page, 'done');
});

test('no device', async (t) => {
  const { page } = await stage(t, await launch(['--use-fake-ui-for-media-stream']));
  const devices = await page.evaluate(async () => (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === 'audioinput').length);
  if (devices > 0) return t.skip('this machine has a microphone');
  await microphone(page).click();
  await problem(page).getByText('No microphone was found.').waitFor();
});

test('no voice here: a gateway without it, a service without a place', async (t) => {
  const { gateway, page } = await stage(t, 'always', null);
  await microphone(page).click();
  await problem(page).getByText('Voice is not available at the moment.').waitFor();
  await page.locator('.link-state[data-state="online"]').waitFor();
  await page.getByLabel('Your question').fill('Typed');
  await page.keyboard.press('Enter');
  await settled(page, 'done');
  gateway.voice = { refuse: { code: 'voice_unavailable', message: 'All places are taken.' } };
  await page.reload();
  await page.getByRole('button', { name: 'New conversation' }).click();
  await page.locator('.link-state[data-state="online"]').waitFor();
  await microphone(page).click();
  await problem(page).getByText('All places are taken. You can type your question.').waitFor();
});

for (const { name, ...options } of [
  { name: 'light', colorScheme: 'light' },
  { name: '320-dark', colorScheme: 'dark', viewport: { width: 320, height: 640 } },
]) {
  test(`voice can be read by everybody: ${name}`, async (t) => {
    const { gateway, page } = await stage(t, 'once', { transcripts: [kQuestion], segments: kSegments }, options);
    gateway.script = () => answerEvents({ chunks: kAnswer, chart: null }).flatMap((event) => (event.type === 'text_chunk' && event.offset > 0 ? [gate('text'), event] : [event]));
    const step = async (state) => {
      assert.ok((await overflow(page)) <= 0, `${state}: wider than the window`);
      await shot(page, `voice-${name}-${state}`);
      await scan(page, state);
    };
    await microphone(page).click();
    await page.locator('.caption').waitFor();
    await shot(page, `voice-${name}-caption`);
    await page.getByRole('button', { name: /^Speaking/ }).waitFor();
    await step('speaking');
    gateway.open('text');
    await page.keyboard.press('Escape');
    await microphone(page).click();
    await page.getByText('Microphone off').first().waitFor();
    await step('off');
  });
}
