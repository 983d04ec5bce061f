// The reducer of voice: recorded sequences give the states that a page shows, and what is not ours or not
// known changes nothing.

import assert from 'node:assert/strict';
import test from 'node:test';
import { initialVoice, isOwn, kMaxOwnStreams, kMaxSegments, reduceVoice, spokenSegment, streamOf } from '../../../web/client/voice_state.js';
import { MrClient } from '../../../web/client/client.js';
import { initialState, reduce, turnList } from '../../../web/client/protocol.js';
import { answerEvents, stamp } from '../scenario.mjs';
import { fakeWorld } from './world.mjs';

const play = (state, ...actions) => actions.reduce((now, action) => reduceVoice(now, typeof action.type === 'string' && kActions.has(action.type) ? action : { type: 'event', event: action }), state);
const kActions = new Set(['reset', 'open', 'opened', 'renew', 'stopping', 'off', 'sounding', 'paused', 'silent', 'dismiss']);
const open = { type: 'open', streamId: 'm1', mode: 'auto' };
const said = (text, more = {}) => ({ type: 'transcript', stream_id: 'm1', utterance_id: 'u1', text, is_final: false, speech_final: false, ...more });
const final = (text, more = {}) => said(text, { is_final: true, speech_final: true, ...more });

test('an utterance as it was recorded', () => {
  const log = [
    [{ type: 'voice_ready', stream_id: 'm1', engine: 'moonshine', language: 'en', tts: true }, { engine: 'moonshine', speaks: true }],
    [{ type: 'opened' }, { mic: 'on' }],
    [{ type: 'speech_started', stream_id: 'm1', utterance_id: 'u1', audio_ms: 320 }, { hearing: true, caption: { utteranceId: 'u1', text: '', final: false } }],
    [said('how many'), { caption: { utteranceId: 'u1', text: 'how many', final: false } }],
    [said('how many open invoices'), { caption: { utteranceId: 'u1', text: 'how many open invoices', final: false } }],
    [{ type: 'speech_stopped', stream_id: 'm1', utterance_id: 'u1', audio_ms: 2100 }, { hearing: false }],
    [final('How many open invoices do we have?', { message_id: 'q1' }), { mic: 'on', caption: { utteranceId: 'u1', text: 'How many open invoices do we have?', final: true } }],
    [{ type: 'tts_start', turn_id: 't1', stream_id: 'm1', segment: 0, text: 'You have twelve.', sample_rate: 16000 }, { speech: { turnId: 't1', segments: [{ segment: 0, text: 'You have twelve.', kind: 'answer' }], current: null, paused: false } }],
  ];
  let state = play(initialVoice(), open);
  for (const [action, expected] of log) {
    state = play(state, action);
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(state[name], value, `${name} after ${action.type}`);
  }
  assert.equal(spokenSegment(state), null);
  state = play(state, { type: 'sounding', turnId: 't1', segment: 0 });
  assert.equal(spokenSegment(state).text, 'You have twelve.');
  state = play(state, { type: 'paused', turnId: 't1', paused: true });
  assert.equal(state.speech.paused, true);
  assert.equal(play(state, { type: 'tts_cancelled', turn_id: 'other' }).speech, state.speech);
  assert.equal(play(state, { type: 'tts_cancelled', turn_id: 't1' }).speech, null);
  assert.equal(JSON.stringify(JSON.parse(JSON.stringify(state))), JSON.stringify(state), 'plain');
});

test('the microphone goes off with the last transcript, not with one before', () => {
  const stopping = play(initialVoice(), open, { type: 'opened' }, { type: 'stopping' });
  assert.equal(play(stopping, said('how')).mic, 'stopping');
  assert.equal(play(stopping, final('how', { speech_final: false })).mic, 'stopping', 'a piece of the utterance');
  assert.equal(play(stopping, final('how')).mic, 'off');
  assert.equal(play(stopping, final('')).mic, 'off');
  const next = play(stopping, { type: 'open', streamId: 'm2', mode: 'ptt' });
  const late = play(next, final('of the stream before'));
  assert.equal(late.mic, 'opening');
  assert.equal(late.caption.text, 'of the stream before');
  assert.equal(streamOf(late), 'm2');
  assert.equal(play(next, final('  ', { stream_id: 'm2' })).note, 'nothing_heard');
  assert.equal(play(stopping, final('')).note, '', 'hands-free, silence is nothing to speak of');
});

test('a microphone that was opened before ours does not end it', () => {
  const ready = (id) => ({ type: 'voice_ready', stream_id: id, engine: 'stub', language: 'en', tts: true });
  const state = play(initialVoice(), open, { type: 'opened' }, ready('another'));
  assert.equal(state.mic, 'on', 'not heard of ours yet');
  assert.equal(play(state, ready('m1'), { type: 'renew', streamId: 'm2' }, ready('another')).mic, 'on');
  assert.equal(play(state, ready('m1'), ready('another')).mic, 'off');
});

test('other microphones and bad events change nothing', () => {
  const state = play(initialVoice(), open, { type: 'opened' });
  const foreign = [said('x', { stream_id: 'other' }), { type: 'speech_started', stream_id: 'other' }, { type: 'error', code: 'voice_unavailable', stream_id: 'other' }, { type: 'tts_start', stream_id: 'other', turn_id: 't' }, { type: 'voice_metrics', turn_id: 't' }, { type: 'toString' }, { type: 'error', code: 'turn_failed' }];
  for (const event of foreign) assert.equal(play(state, { type: 'event', event }), state, event.type);
  assert.equal(reduceVoice(state, { type: 'constructor' }), state);
  assert.equal(isOwn(state, {}), true, 'a server that names no stream');
  const odd = play(state, { type: 'transcript' }, { type: 'tts_start', turn_id: 't' }, { type: 'speech_started' });
  assert.deepEqual(odd.caption, { utteranceId: null, text: '', final: false });
  let many = state;
  for (let n = 0; n < 300; n += 1) many = play(many, { type: 'open', streamId: `s${n}`, mode: 'ptt' }, { type: 'tts_start', turn_id: 't', segment: n, text: 'x' });
  assert.equal(many.streams.length, kMaxOwnStreams);
  assert.equal(many.speech.segments.length, kMaxSegments);
});

test('errors: which end the microphone', () => {
  const on = play(initialVoice(), open, { type: 'opened' });
  const failed = play(on, { type: 'error', code: 'voice_unavailable', message: 'All places are taken.', stream_id: 'm1' });
  assert.deepEqual([failed.mic, failed.problem], ['off', { code: 'voice_unavailable', message: 'All places are taken.' }]);
  assert.equal(play(on, { type: 'error', code: 'bad_format' }).mic, 'off');
  const overrun = play(on, { type: 'error', code: 'audio_overrun', stream_id: 'm1' });
  assert.deepEqual([overrun.mic, overrun.note], ['on', 'overrun']);
  assert.equal(play(failed, { type: 'dismiss' }).problem, null);
  assert.equal(play(failed, open).problem, null, 'a new attempt');
  assert.deepEqual(play(failed, { type: 'reset' }), initialVoice());
  const lost = play(on, { type: 'off', problem: { code: 'device_lost', message: '' } });
  assert.deepEqual([lost.mic, lost.problem.code], ['off', 'device_lost']);
});

test('a segment told twice is there once', () => {
  const start = (turn, segment, text) => ({ type: 'tts_start', turn_id: turn, segment, text });
  const state = play(initialVoice(), start('t1', 0, 'a'), start('t1', 1, 'b'), start('t1', 1, 'c'));
  assert.deepEqual(state.speech.segments.map((entry) => entry.text), ['a', 'c']);
  assert.deepEqual(play(state, start('t2', 0, 'new')).speech.segments.length, 1);
  assert.equal(play(state, { type: 'sounding', turnId: 't0', segment: 0 }), state);
  assert.equal(play(state, { type: 'silent' }).speech, null);
});

// What voice adds to the state of the conversation.

const event = (entry, at = 1_000_000) => ({ type: 'event', event: entry, at });

test('errors of a microphone refuse no question', () => {
  let state = reduce(initialState(), event({ type: 'connected', session_id: 's', v: 2, recovered: false }));
  state = reduce(state, { type: 'ask', messageId: 'q', question: 'Typed', at: 1 });
  state = reduce(state, { type: 'sent', key: 'q' });
  for (const code of ['voice_unavailable', 'bad_format', 'audio_overrun', 'voice_lost']) {
    assert.equal(reduce(state, event({ type: 'error', code, message: 'x' })), state, code);
  }
  assert.equal(reduce(state, event({ type: 'error', code: 'busy', message: 'x' })).turns.q.status, 'error');
});

test('metrics and the heard mark, also after the end', () => {
  let state = reduce(initialState(), event({ type: 'connected', session_id: 's', v: 2, recovered: false }));
  const events = stamp(answerEvents({ chunks: ['Twelve.'], chart: null }), { messageId: 'q1' });
  for (const entry of events) state = reduce(state, event(entry));
  assert.equal(turnList(state)[0].status, 'done');
  const metrics = { endpoint_ms: 210, stt_final_ms: 180, first_token_ms: 320, first_audio_ms: 90, voice_to_voice_ms: 800 };
  state = reduce(state, event({ type: 'voice_metrics', ...metrics, utterance_id: 'u1', turn_id: 't1', id: '1-900', ts: 1_000_900 }));
  assert.deepEqual(turnList(state)[0].voice, { ...metrics, utterance_id: 'u1' });
  assert.equal(turnList(state)[0].status, 'done');
  const [key] = state.order;
  state = reduce(state, { type: 'heard', key, ms: 850 });
  state = reduce(state, { type: 'heard', key, ms: 2000 });
  assert.equal(state.turns[key].marks.heardMs, 850, 'the first sound counts');
  const before = state;
  state = reduce(state, event({ type: 'voice_metrics', turn_id: 'unknown', id: '1-901', ts: 1 }));
  assert.deepEqual(state.order, before.order, 'no turn of its own');
});

test('the observer hears what is new, once', () => {
  const world = fakeWorld();
  const client = new MrClient({ env: world, storage: null, voiceUrl: '/ws/voice' }).start();
  const heard = [];
  client.observe({ frame: (frame) => heard.push(frame.type), binary: (data) => heard.push(data.byteLength), moveFailed: () => heard.push('failed') });
  world.socket.greet();
  for (const id of ['1-1', '1-2', '1-2', '1-1', '1-3']) world.socket.deliver({ type: 'tts_start', turn_id: 't', id });
  world.socket.deliver({ type: 'speech_started' });
  world.socket.deliver(new ArrayBuffer(320));
  assert.deepEqual(heard, ['connected', 'tts_start', 'tts_start', 'tts_start', 'speech_started', 320]);
});
