// Silence for somebody whom the page alone has heard yet: at once, for a moment, and for good only when the server
// agrees.

import assert from 'node:assert/strict';
import test from 'node:test';
import { kMaxGuessMs, kMaxMistakes, kMaxPauseMs, kMaxSpeakingMs } from '../../../web/client/voice_hesitation.js';
import { listening, speaking } from './voice_stage.mjs';

const begins = ({ mics }) => mics.at(-1).sink.onOnset();
const states = ({ sent }) => sent('playback').map((frame) => [frame.state, frame.at_ms]);
const mistakes = ({ mics }) => mics.at(-1).told.filter(([what]) => what === 'mistaken').length;

test('silence within 20 ms, told with its place', async () => {
  const all = await speaking();
  const { voice, context } = all;
  const at = context.currentTime;
  begins(all);
  assert.deepEqual(context.gains.at(-1).gain.events, [['set', 1, at], ['ramp', 0, at + 0.02]]);
  assert.equal(voice.state.speech.paused, true);
  assert.deepEqual(states(all).at(-1), ['paused', 520]);
});

test('the server has heard nobody: it goes on by itself, and the ear learns', async () => {
  const all = await speaking();
  begins(all);
  all.world.pass(kMaxGuessMs - 1);
  assert.equal(all.voice.state.speech.paused, true);
  all.world.pass(1);
  assert.equal(all.voice.state.speech.paused, false);
  assert.deepEqual(states(all).slice(-2), [['paused', 520], ['resumed', 520]]);
  assert.equal(mistakes(all), 1);
  assert.equal(all.sent('interrupt').length, 0);
});

test('somebody goes on and the server says nothing: silence for a while, then not', async () => {
  const all = await speaking();
  begins(all);
  for (let ms = 200; ms < kMaxSpeakingMs; ms += 200) {
    all.world.pass(200);
    all.mics[0].sink.onSpeaking();
    assert.equal(all.voice.player.paused, true, `${ms} ms`);
  }
  all.world.pass(kMaxSpeakingMs % 200);
  assert.equal(all.voice.player.paused, false);
  all.mics[0].sink.onSpeaking();
  all.world.pass(kMaxPauseMs);
  assert.deepEqual([all.voice.state.speech.paused, mistakes(all)], [false, 1]);
  begins(all);
  all.world.pass(400);
  all.mics[0].sink.onSpeaking();
  all.world.pass(kMaxGuessMs - 1);
  assert.equal(all.voice.player.paused, true);
  all.world.pass(1);
  assert.equal(all.voice.player.paused, false, 'nobody went on');
});

test('the server agrees: silence until it is known whether there are words', async () => {
  const all = await speaking();
  begins(all);
  all.world.pass(kMaxGuessMs / 2);
  all.say({ type: 'speech_started', utterance_id: 'u2', audio_ms: 1000 });
  assert.equal(states(all).filter(([state]) => state === 'paused').length, 1, 'told once');
  all.world.pass(kMaxPauseMs - 1);
  assert.equal(all.voice.state.speech.paused, true);
  all.say({ type: 'transcript', utterance_id: 'u2', text: '', is_final: true, speech_final: true });
  assert.equal(all.voice.state.speech.paused, false, 'a cough');
  all.say({ type: 'speech_stopped', utterance_id: 'u2', audio_ms: 1200 });
  begins(all);
  all.say({ type: 'speech_started', utterance_id: 'u3', audio_ms: 2000 });
  all.world.pass(kMaxPauseMs);
  assert.equal(all.voice.state.speech.paused, false, 'nothing was understood');
  assert.equal(mistakes(all), 0, 'somebody was there');
});

test('words: an interruption at the place of the first silence', async () => {
  const all = await speaking();
  begins(all);
  all.world.pass(250);
  all.say({ type: 'speech_started', utterance_id: 'u2', audio_ms: 1000 });
  all.world.pass(400);
  all.say({ type: 'transcript', utterance_id: 'u2', text: 'wait', is_final: false, speech_final: false });
  assert.deepEqual(all.sent('interrupt'), [{ type: 'interrupt', turn_id: 't1', played_ms: 520, segment: 0 }]);
  assert.equal(all.voice.state.speech, null);
  all.world.pass(kMaxPauseMs);
  assert.equal(mistakes(all), 0);
});

test('words that the server has acted on within the guess', async () => {
  const all = await speaking();
  begins(all);
  all.say({ type: 'tts_cancelled', turn_id: 't1', from_segment: 0, heard_text: 'Clause', id: '1-200' });
  all.world.pass(kMaxGuessMs);
  assert.deepEqual([all.voice.player.paused, mistakes(all), all.voice.state.speech], [false, 0, null]);
});

test('a server that is late: the page was right', async () => {
  const all = await speaking();
  for (let n = 0; n < 2 * kMaxMistakes; n += 1) {
    begins(all);
    assert.equal(all.voice.player.paused, true);
    all.world.pass(kMaxGuessMs + 200);
    assert.equal(all.voice.player.paused, false);
    all.say({ type: 'speech_started', utterance_id: `u${n}`, audio_ms: 1000 });
    assert.equal(all.voice.player.paused, true);
    assert.deepEqual(all.mics[0].told.filter(([what]) => what !== 'played' && what !== 'silenced').slice(-2), [['mistaken'], ['right']]);
    all.say({ type: 'transcript', utterance_id: `u${n}`, text: '', is_final: true, speech_final: true });
  }
});

test('somebody whom the server hears already', async () => {
  const all = await speaking();
  all.say({ type: 'speech_started', utterance_id: 'u2', audio_ms: 1000 });
  all.world.pass(kMaxPauseMs);
  assert.equal(all.voice.state.speech.paused, false);
  begins(all);
  all.world.pass(kMaxGuessMs);
  assert.equal(all.voice.state.speech.paused, true, 'no further word of the server is due');
  all.world.pass(kMaxPauseMs);
  assert.equal(all.voice.state.speech.paused, false);
});

test('an ear that is mistaken over and over is not believed during that answer', async () => {
  const all = await speaking();
  for (let n = 0; n < kMaxMistakes; n += 1) {
    begins(all);
    assert.equal(all.voice.player.paused, true);
    all.world.pass(kMaxGuessMs);
  }
  begins(all);
  assert.equal(all.voice.player.paused, false);
  all.say({ type: 'speech_started', utterance_id: 'u2', audio_ms: 1000 });
  assert.equal(all.voice.player.paused, true, 'the server is');
  all.say({ type: 'tts_cancelled', turn_id: 't1', from_segment: 0, heard_text: 'Clause', id: '1-200' });
  all.say({ type: 'tts_start', turn_id: 't2', segment: 0, text: 'x', sample_rate: 16_000, id: '1-300' });
  all.world.socket.deliver(new Int16Array(1600).buffer);
  begins(all);
  assert.equal(all.voice.player.paused, true, 'another answer');
});

test('nobody is spoken to: nothing to silence', async () => {
  const all = await listening();
  begins(all);
  all.world.pass(kMaxGuessMs);
  assert.equal(all.voice.state.speech, null);
  assert.equal(all.sent('playback').length, 0);
});

test('the ear knows what is played, when and how loud', async () => {
  const all = await speaking();
  const told = () => all.mics[0].told;
  const db = Math.round(20 * Math.log10(9 / 32_768));
  assert.deepEqual(told().slice(0, 3), [['played', 20, 100, db], ['played', 120, 100, db], ['played', 220, 100, db]]);
  begins(all);
  assert.deepEqual(told().at(-1), ['silenced', 20]);
  all.world.pass(kMaxGuessMs);
  const again = told().slice(told().findIndex(([what]) => what === 'mistaken') + 1);
  assert.deepEqual(again.slice(0, 2), [['played', 20, 80, db], ['played', 100, 100, db]]);
  await all.voice.stop();
  const count = told().length;
  all.sendSegment(1);
  assert.equal(told().length, count, 'a microphone that is closed is told nothing');
});
