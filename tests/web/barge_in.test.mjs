// Who speaks while the answer is spoken interrupts it, on a running gateway (MR_URL) with whatever recogniser and
// voice it has. How long it takes from the first sound of an interruption to silence at the output is measured
// over MR_BARGE_INS of them (default 2), told, written to barge_in.json among the artefacts, and never judged.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { kShots, settled } from './browser/chromium.mjs';
import { beginningOf, joined, kRate, silence, spoken } from './sounds.mjs';
import { asked, microphone, quantile, spokenStage, understood } from './spoken.mjs';

const kCount = Number(process.env.MR_BARGE_INS) || 2;
const kQuestion = 'What happened on Harbor Point?';
// Begun by vowels, by breath, by plosives and by hisses; about documents, whose answers take ten seconds to say.
const kInterruptions = [
  'And what does the warranty cover?',
  'Stop. What happened on Harbor Point?',
  'How about the crane at Aurora Tower?',
  'Wait, what do we know about Old Port Market Hall?',
  'Sorry, were there asbestos findings at Maple Street School?',
  'Okay, is there a permit delay at Weaver Street Market?',
  'No, what did the inspector find at Bayside Terrace?',
  'Can you tell me what happened on Harbor Point?',
  'Show me what we know about Aurora Tower.',
  'Actually, what does the contract for Harbor Point say?',
];
const kSpeakingS = 2.2; // from an utterance's end to the next one: the first sentence of the answer is being heard
const kSlackMs = 120_000;

// What the microphone hears: a question, and interruptions. `starts`: their first sounds, ms.
function script(interruptions) {
  const said = [kQuestion, ...interruptions].map((text) => spoken(text));
  if (said.includes(null)) return null;
  const parts = [silence(1)];
  const starts = [];
  let at = parts[0].length;
  for (const sound of said) {
    starts.push(((at + beginningOf(sound)) * 1000) / kRate);
    parts.push(sound, silence(kSpeakingS));
    at += sound.length + parts.at(-1).length;
  }
  return { sound: joined(...parts, silence(60)), starts: starts.slice(1), lengthMs: (at * 1000) / kRate };
}

// Runs in the page.
function measure(starts) {
  const onsets = starts.map((start) => window.opened + start);
  const after = (times) => onsets.map((onset) => times.find((time) => time > onset && time < onset + 2000) - onset);
  const started = window.frames.filter((frame) => frame.type === 'speech_started').map((frame) => frame.at);
  return {
    silent: window.bargeIns(onsets).map((ms) => (ms === undefined ? 'nothing' : ms)),
    page: after(window.guesses),
    server: after(started),
      captured: onsets.map((onset) => window.onsets.find((time) => time > onset - 50) - onset),
    metrics: window.frames.filter((frame) => frame.type === 'voice_metrics'),
  };
}

const whole = (values) => values.filter(Number.isFinite).map(Math.round);
const spread = (values) => ({ count: values.length, p50: quantile(values, 0.5), p95: quantile(values, 0.95), most: Math.max(...values) });

test('who speaks while the answer is spoken interrupts it', async (t) => {
  const interruptions = Array.from({ length: kCount }, (_, n) => kInterruptions[n % kInterruptions.length]);
  const plan = script(interruptions);
  if (plan === null) return t.skip('flite is not installed');
  const load = loadavg()[0];
  const page = await spokenStage(t, plan.sound);
  const why = await asked(page);
  if (why) return t.skip(why);
  const questions = page.locator('.question-text');
  await page.waitForFunction((ms) => performance.now() - window.opened > ms, plan.lengthMs, { timeout: plan.lengthMs + kSlackMs, polling: 200 });
  await page.waitForFunction((heard) => document.querySelectorAll('.question-text').length > heard, kCount >> 1);
  await settled(page, 'done', 'cancelled');
  const found = await page.evaluate(measure, plan.starts);
  const heard = await questions.allInnerTexts();
  // What a pause divides, or joins, is another number of questions; which engine hears which words differs.
  const share = interruptions.map((text) => Math.max(...heard.slice(1).map((question) => understood(text, question))));
  assert.ok(quantile(share, 0.5) >= 0.5, heard.join(' | '));
  assert.ok(!found.silent.includes(null), `heard and not silenced: ${JSON.stringify(found)}`);
  const cancelled = await page.evaluate(() => window.frames.filter((frame) => frame.type === 'tts_cancelled').length);
  const silent = whole(found.silent);
  if (silent.length === 0) t.diagnostic('this machine was too slow: nothing was being heard yet when somebody spoke');
  assert.ok(cancelled >= silent.length, 'each of them ended an answer');
  for (const frame of found.metrics) {
    const stages = [frame.endpoint_ms, frame.stt_final_ms, frame.first_token_ms, frame.first_audio_ms];
    assert.equal(stages.reduce((sum, ms) => sum + ms, 0), frame.voice_to_voice_ms);
  }
  assert.equal(await page.locator('.spinner').count(), 0);
  await microphone(page).click();
  const report = {
    load,
    onset_to_silence_ms: spread(silent),
    onset_to_page_ms: spread(whole(found.page)),
    onset_to_server_ms: spread(whole(found.server)),
    capture_late_ms: spread(whole(found.captured)), // 20 or so; more is a machine that had no time
    voice_to_voice_ms: spread(found.metrics.map((frame) => frame.voice_to_voice_ms)),
    each: interruptions.map((text, n) => ({ text, understood: share[n], silent: found.silent[n], page: found.page[n], server: found.server[n], captured: found.captured[n] })),
  };
  writeFileSync(path.join(kShots, 'barge_in.json'), `${JSON.stringify(report, null, 2)}\n`);
  const told = (name, { count, p50, p95, most }) => count > 0 && t.diagnostic(`${name}, ${count}: p50 ${p50} ms, p95 ${p95} ms, most ${most} ms`);
  told('first sound of an interruption to silence', report.onset_to_silence_ms);
  told('to the page\'s own guess', report.onset_to_page_ms);
  told('to speech_started of the server', report.onset_to_server_ms);
  told('to that sound in the page (20 ms on a machine that has time)', report.capture_late_ms);
  told('voice to voice (server)', report.voice_to_voice_ms);
});
