// The client of voice on a connection that comes and goes: what is sent and when, what is resent, how an
// interruption is told from a cough.

import assert from 'node:assert/strict';
import test from 'node:test';
import { kFinalTimeoutMs } from '../../../web/client/voice.js';
import { kMaxPauseMs } from '../../../web/client/voice_hesitation.js';
import { kAckTimeoutMs, kMaxBufferedBytes, kMaxResumes, kRefusedMs } from '../../../web/client/voice_stream.js';
import { listening, soon, speaking, stage } from './voice_stage.mjs';

test('the connection moves to the location with voice, and the stream begins with the first sound', async () => {
  const { world, voice, speak, sent, samples, say, mics } = stage();
  voice.start('auto');
  assert.equal(voice.state.mic, 'opening');
  await soon();
  assert.equal(voice.state.mic, 'on');
  assert.equal(world.sockets.length, 2);
  assert.equal(world.socket.url, 'wss://example.test/ws/voice');
  assert.deepEqual(world.socket.protocols, ['mr.v2', 'mr.resume.tok.0-0']);
  speak(200);
  assert.equal(world.socket.sent.length, 0, 'not greeted yet');
  world.socket.greet();
  const [start] = sent('voice_start');
  assert.deepEqual(start, { type: 'voice_start', stream_id: voice.state.streams[0], sample_rate: 16_000, encoding: 'pcm_s16le', transport: 'binary', mode: 'auto', tts: true });
  assert.equal(world.socket.sent[0], start);
  assert.deepEqual(sent('binary').map((frame) => frame.binary.length), [3200], 'what was said meanwhile, in frames of 200 ms');
  speak(80);
  assert.deepEqual(sent('binary').map((frame) => frame.binary.length), [3200, 640, 640]);
  say({ type: 'speech_started', utterance_id: 'u', audio_ms: 40 });
  say({ type: 'transcript', utterance_id: 'u', text: 'hello', is_final: false, speech_final: false });
  assert.equal(voice.state.caption.text, 'hello');
  await voice.stop();
  assert.equal(mics[0].closed, 1);
  assert.equal(world.socket.sent.at(-1).type, 'voice_stop');
  assert.equal(voice.state.mic, 'stopping');
  say({ type: 'transcript', utterance_id: 'u', text: 'hello there', is_final: true, speech_final: true, id: '1-7' });
  assert.equal(voice.state.mic, 'off');
  assert.equal(samples(), 4480);
  voice.start('ptt');
  await soon();
  speak(40);
  assert.equal(world.sockets.length, 2, 'it stays there');
  assert.equal(sent('voice_start').length, 2);
  assert.equal(sent('voice_start')[1].mode, 'ptt');
  await voice.stop();
  world.pass(kFinalTimeoutMs);
  assert.deepEqual([voice.state.mic, voice.state.note], ['off', 'nothing_heard'], 'a server that says nothing');
});

test('nothing captured is nothing sent', async () => {
  const { world, voice, mics } = stage({ slow: true });
  const starting = voice.start('ptt');
  world.socket.greet();
  const stopping = voice.stop();
  mics[0].resolve(mics[0].made);
  await Promise.all([starting, stopping]);
  assert.equal(voice.state.mic, 'off');
  assert.equal(world.socket.sent.length, 0);
  assert.equal(mics[0].closed, 1);
});

test('permission, device and location problems are told', async () => {
  for (const code of ['denied', 'no_device', 'busy', 'insecure']) {
    const { voice, mics } = stage({ slow: true });
    const starting = voice.start();
    mics[0].reject(Object.assign(new Error('x'), { code }));
    await starting;
    assert.deepEqual([voice.state.mic, voice.state.problem.code], ['off', code]);
  }
  const gone = await listening();
  gone.mics[0].sink.onLost();
  assert.deepEqual([gone.voice.state.mic, gone.voice.state.problem.code], ['off', 'device_lost']);
  assert.equal(gone.sent('voice_stop').length, 1, 'what was said is a question');
  const taken = await listening();
  taken.say({ type: 'error', code: 'voice_unavailable', message: 'All places are taken.' });
  assert.deepEqual([taken.voice.state.mic, taken.voice.state.problem.message], ['off', 'All places are taken.']);
  await soon();
  assert.equal(taken.mics[0].closed, 1);
  const none = stage();
  none.client.voiceUrl = null;
  await none.voice.start();
  assert.equal(none.voice.state.problem.code, 'voice_unavailable');
});

test('a location without voice costs nothing but voice', async () => {
  const { world, client, voice, mics } = stage();
  const key = client.ask('Typed');
  voice.start();
  await soon();
  world.socket.fail();
  assert.equal(world.socket.url, 'wss://example.test/ws/chat', 'at once');
  await soon();
  assert.deepEqual([voice.state.mic, voice.state.problem.code, mics[0].closed], ['off', 'voice_unavailable', 1]);
  world.socket.greet();
  assert.deepEqual(world.socket.sent.map((frame) => frame.message_id), [key]);
  assert.equal(client.status.state, 'online');
});

test('a loss in mid-speech: exactly the gap is resent', async () => {
  const { world, voice, speak, sent, say } = await listening();
  speak(600, 2);
  world.socket.fail();
  speak(1000, 3);
  world.pass(600);
  assert.equal(world.socket.url, 'wss://example.test/ws/voice');
  world.socket.greet();
  const [resume] = sent('voice_resume');
  assert.equal(resume.from_ms, 0);
  assert.equal(resume.mode, 'auto');
  assert.equal(resume.stream_id, voice.state.streams[0]);
  speak(120, 4);
  assert.equal(sent('binary').length, 0, 'not before the answer');
  say({ type: 'audio_ack', received_ms: 760 });
  const resent = sent('binary').flatMap((frame) => [...frame.binary]);
  assert.equal(resent.length, (2120 - 760) * 16);
  assert.deepEqual([resent[0], resent[240 * 16 - 1], resent[240 * 16], resent.at(-1)], [2, 2, 3, 4]);
  assert.ok(sent('binary').every((frame) => frame.binary.length <= 3200 && frame.binary.length >= 160));
  speak(40);
  assert.equal(sent('binary').at(-1).binary.length, 640);
});

test('a long loss: the ring is what there is, and it says so', async () => {
  const { world, speak, sent, samples, say } = await listening();
  world.socket.fail();
  speak(8000);
  world.pass(20_000);
  assert.equal(world.socket.url, 'wss://example.test/ws/chat', 'an address that does not answer is left');
  world.socket.greet();
  assert.equal(world.socket.url, 'wss://example.test/ws/voice', 'and sought again while the microphone is on');
  world.socket.greet();
  assert.equal(sent('voice_resume')[0].from_ms, 8400 - 5000);
  speak(1000);
  say({ type: 'audio_ack', received_ms: 3399 });
  assert.equal(samples(), 0, 'the answer to another question');
  say({ type: 'audio_ack', received_ms: 3403 });
  assert.equal(samples(), (9400 - 3403) * 16, 'nothing that was offered is gone when the answer comes');
  assert.ok(sent('binary').every((frame) => frame.binary.length >= 160));
});

test('a takeover: voice_lost is answered by a resume; a server that never answers is given up', async () => {
  const { world, voice, speak, sent, say, mics } = await listening();
  say({ type: 'error', code: 'voice_lost', message: '', stream_id: 'another' });
  assert.equal(sent('voice_resume').length, 0);
  say({ type: 'error', code: 'voice_lost', message: '' });
  assert.equal(voice.state.mic, 'on');
  assert.equal(sent('voice_resume').length, 1);
  say({ type: 'audio_ack', received_ms: 0 });
  assert.equal(sent('binary').length, 10 + 2);
  world.socket.deliver({ type: 'error', code: 'voice_lost', message: '' });
  speak(40);
  for (let n = 0; n < kMaxResumes; n += 1) world.pass(kAckTimeoutMs);
  assert.equal(sent('voice_resume').length, 1 + kMaxResumes);
  assert.deepEqual([voice.state.mic, voice.state.problem.code], ['off', 'voice_lost']);
  await soon();
  assert.equal(mics[0].closed, 1);
  world.socket.deliver({ type: 'audio_ack', stream_id: voice.state.streams[0], received_ms: 0 });
  assert.equal(sent('voice_stop').length, 1, 'a stream opened too late is closed again');
});

test('sound that nobody took is sent again when somebody does, however long that takes', async () => {
  const { world, voice, speak, sent, samples, say } = await listening();
  for (let n = 0; n < kMaxResumes + 2; n += 1) {
    world.socket.deliver({ type: 'error', code: 'relay_unavailable', message: '' });
    speak(40);
    world.pass(kRefusedMs);
    assert.equal(sent('voice_resume').length, n + 1);
  }
  assert.equal(voice.state.mic, 'on');
  const before = samples();
  say({ type: 'audio_ack', received_ms: 200 });
  assert.equal(samples() - before, (400 + 5 * 40 - 200) * 16);
  world.socket.deliver({ type: 'error', id: '1-99', code: 'busy', message: '' });
  world.pass(kRefusedMs);
  assert.equal(sent('voice_resume').length, kMaxResumes + 2, 'a question that a worker refused is no sound');
});

test("another client's microphone: its streams are left alone, and the one opened last counts", async () => {
  const { world, voice, sent, mics } = await listening();
  world.socket.deliver({ type: 'audio_ack', stream_id: 'another', received_ms: 0 });
  assert.equal(sent('voice_stop').length, 0);
  assert.equal(voice.state.mic, 'on');
  world.socket.deliver({ type: 'voice_ready', stream_id: 'another', engine: 'stub', language: 'en', tts: true });
  assert.deepEqual([voice.state.mic, voice.state.note, voice.state.problem], ['off', 'taken', null]);
  assert.equal(sent('voice_stop').length, 0, 'the server has ended it already');
  await soon();
  assert.equal(mics[0].closed, 1);
});

test('released while the connection is away: the end is told behind the gap', async () => {
  const { world, voice, speak, sent, say } = await listening();
  world.socket.fail();
  speak(200);
  await voice.stop();
  assert.equal(voice.state.mic, 'stopping');
  world.pass(600);
  world.socket.greet();
  assert.deepEqual(world.socket.sent.map((frame) => frame.type), ['voice_resume']);
  say({ type: 'audio_ack', received_ms: 400 });
  assert.equal(sent('binary').length, 1);
  assert.equal(world.socket.sent.at(-1).type, 'voice_stop');
  say({ type: 'transcript', text: 'done', is_final: true, speech_final: true });
  assert.equal(voice.state.mic, 'off');
});

test('a socket that does not drain is not filled for ever', async () => {
  const { world, speak, sent, say } = await listening();
  const before = sent('binary').length;
  world.socket.bufferedAmount = kMaxBufferedBytes + 1;
  speak(2000);
  assert.equal(sent('binary').length, before);
  world.socket.bufferedAmount = 0;
  speak(40);
  assert.equal(sent('voice_resume').length, 1);
  say({ type: 'audio_ack', received_ms: 2000 });
  assert.equal(sent('binary').slice(before).reduce((sum, frame) => sum + frame.binary.length, 0), 440 * 16);
});

test('an answer is played, and what was heard is reported', async () => {
  const { world, voice, sendSegment, sent } = await speaking();
  sendSegment(1, true);
  world.pass(2000);
  assert.deepEqual(sent('playback').map((frame) => [frame.segment, frame.state, frame.at_ms]), [[0, 'started', 0], [0, 'ended', 1000], [1, 'started', 0], [1, 'ended', 1000]]);
  assert.deepEqual(sent('playback')[0].turn_id, 't1');
  assert.equal(voice.state.speech, null);
});

test('a cough: silence, and then on from there', async () => {
  const { world, voice, sent, say, context } = await speaking();
  say({ type: 'speech_started', utterance_id: 'u2', audio_ms: 1000 });
  assert.equal(voice.state.speech.paused, true);
  assert.deepEqual(sent('playback').at(-1), { type: 'playback', turn_id: 't1', segment: 0, state: 'paused', at_ms: 520 });
  const scheduled = context.sources.length;
  world.pass(1000);
  say({ type: 'transcript', utterance_id: 'u2', text: '', is_final: true, speech_final: true });
  assert.equal(voice.state.speech.paused, false);
  assert.equal(sent('playback').at(-1).state, 'resumed');
  assert.ok(context.sources.length > scheduled);
  assert.equal(sent('interrupt').length, 0);
  say({ type: 'speech_started', utterance_id: 'u3', audio_ms: 2500 });
  world.pass(kMaxPauseMs);
  assert.equal(voice.state.speech.paused, false, 'nothing was heard of it');
});

test('words: an interruption, told once with what was heard', async () => {
  const { world, voice, sent, say, sendSegment, context } = await speaking();
  say({ type: 'speech_started', utterance_id: 'u2', audio_ms: 1000 });
  say({ type: 'transcript', utterance_id: 'u2', text: 'wait', is_final: false, speech_final: false });
  assert.deepEqual(sent('interrupt'), [{ type: 'interrupt', turn_id: 't1', played_ms: 520, segment: 0 }]);
  assert.equal(voice.state.speech, null);
  const scheduled = context.sources.length;
  sendSegment(1);
  assert.equal(context.sources.length, scheduled, 'late sound of that turn stays silent');
  assert.equal(voice.state.speech, null);
  say({ type: 'tts_cancelled', turn_id: 't1', from_segment: 0, heard_text: 'Clause' });
  say({ type: 'transcript', utterance_id: 'u2', text: 'wait a moment', is_final: true, speech_final: true, message_id: 'q2' });
  assert.equal(sent('interrupt').length, 1);
  world.socket.deliver({ type: 'turn_start', message_id: 'q2', question: 'wait a moment', turn_id: 't2', id: '1-300', ts: 1 });
  say({ type: 'tts_start', turn_id: 't2', segment: 0, text: 'Yes?', sample_rate: 16_000, id: '1-301' });
  world.socket.deliver(new Int16Array(1600).buffer);
  assert.equal(context.sources.length, scheduled + 1, 'the next answer is heard');
});

test('words that the server has acted on already: nothing more to say', async () => {
  const { voice, sent, say } = await speaking();
  say({ type: 'speech_started', utterance_id: 'u2', audio_ms: 1000 });
  say({ type: 'tts_cancelled', turn_id: 't1', from_segment: 0, heard_text: 'Clause', id: '1-200' });
  assert.equal(voice.player.paused, false);
  say({ type: 'transcript', utterance_id: 'u2', text: 'wait', is_final: false, speech_final: false });
  assert.equal(sent('interrupt').length, 0);
  assert.equal(voice.state.speech, null);
});

test('a tap interrupts at once; without speech there is nothing to interrupt', async () => {
  const { voice, sent } = await speaking();
  assert.equal(voice.interrupt(), true);
  assert.equal(sent('interrupt')[0].played_ms, 520);
  assert.equal(voice.interrupt(), false);
});

test('an interruption between two clauses: the first one was heard', async () => {
  const { world, voice, sent, say } = await speaking();
  world.pass(2000);
  assert.equal(voice.state.speech.current, 0, 'more is to come');
  say({ type: 'speech_started', utterance_id: 'u2', audio_ms: 1000 });
  say({ type: 'transcript', utterance_id: 'u2', text: 'stop', is_final: false, speech_final: false });
  assert.deepEqual(sent('interrupt').map((frame) => [frame.segment, frame.played_ms]), [[0, 1000]]);
  const fresh = await listening();
  fresh.say({ type: 'tts_start', turn_id: 't9', segment: 0, text: 'x', sample_rate: 16_000 });
  fresh.voice.interrupt();
  assert.deepEqual(fresh.sent('interrupt').map((frame) => [frame.segment, frame.played_ms]), [[0, 0]], 'nothing was');
});

test('speech off: silence here, the answer goes on there; the microphone begins a new stream', async () => {
  const { world, voice, sent, speak, sendSegment, context } = await speaking();
  voice.setSpeech(false);
  assert.equal(sent('interrupt').length, 0);
  assert.equal(voice.state.speech, null);
  const scheduled = context.sources.length;
  sendSegment(1);
  assert.equal(context.sources.length, scheduled);
  assert.equal(sent('voice_stop').length, 1);
  speak(40);
  const starts = sent('voice_start');
  assert.equal(starts.length, 2);
  assert.equal(starts[1].tts, false);
  assert.notEqual(starts[1].stream_id, starts[0].stream_id);
  voice.setSpeech(true, 1.2);
  speak(40);
  assert.deepEqual([sent('voice_start')[2].tts, sent('voice_start')[2].speed], [true, 1.2]);
  assert.equal(voice.state.mic, 'on');
  world.pass(1);
});

test('what the user waited: end of speech to first sound', async () => {
  const all = await listening();
  const { world, client, say, speak } = all;
  speak(1600);
  say({ type: 'speech_stopped', utterance_id: 'u1', audio_ms: 1500 });
  say({ type: 'transcript', utterance_id: 'u1', text: 'how many', is_final: true, speech_final: true, message_id: 'q7' });
  world.socket.deliver({ type: 'turn_start', message_id: 'q7', question: 'how many', turn_id: 't7', id: '1-50', ts: 1 });
  world.pass(300);
  say({ type: 'tts_start', turn_id: 't7', segment: 0, kind: 'progress', text: 'One moment.', sample_rate: 16_000, id: '1-51' });
  world.socket.deliver(new Int16Array(1600).buffer);
  say({ type: 'tts_end', turn_id: 't7', segment: 0, last: false, id: '1-52' });
  world.pass(200);
  assert.equal(client.state.turns.t7.marks.heardMs, null, 'progress is no answer');
  say({ type: 'tts_start', turn_id: 't7', segment: 1, text: 'Twelve.', sample_rate: 16_000, id: '1-53' });
  world.socket.deliver(new Int16Array(1600).buffer);
  world.pass(20);
  assert.equal(client.state.turns.t7.marks.heardMs, 500 + 300 + 200 + 20);
});

test('a connection lost while speaking: what has come is heard, and nothing is stuck', async () => {
  const { world, voice, say } = await speaking();
  say({ type: 'tts_start', turn_id: 't1', segment: 1, text: 'Clause 1.', sample_rate: 16_000, id: '1-110' });
  world.socket.deliver(new Int16Array(1600).buffer);
  world.socket.fail();
  world.pass(600);
  world.socket.greet();
  assert.equal(voice.state.speech, null, 'all has been heard before the return');
  say({ type: 'tts_start', turn_id: 't1', segment: 2, text: 'Clause 2.', sample_rate: 16_000, id: '1-120' });
  assert.deepEqual(voice.state.speech.segments.map((entry) => entry.segment), [2]);
  voice.close();
  assert.deepEqual([voice.state.mic, voice.state.speech], ['off', null]);
});

test('base64 sound, foreign answers and stray bytes', async () => {
  const { world, voice, context, say } = await listening();
  world.socket.deliver(new ArrayBuffer(320));
  say({ type: 'tts_start', stream_id: 'another tab', turn_id: 't1', segment: 0, text: 'x', sample_rate: 16_000 });
  world.socket.deliver(new ArrayBuffer(320));
  assert.equal(context.sources.length, 0);
  assert.equal(voice.state.speech, null);
  say({ type: 'tts_start', turn_id: 't1', segment: 0, text: 'x', sample_rate: 22_050, transport: 'base64' });
  say({ type: 'tts_audio', turn_id: 't1', segment: 0, audio: Buffer.from(Int16Array.of(1, 2, 3).buffer).toString('base64') });
  say({ type: 'tts_audio', turn_id: 't1', segment: 9, audio: 'AAAA' });
  say({ type: 'tts_audio', turn_id: 't1', segment: 0 });
  assert.deepEqual(context.sources.map((source) => [source.buffer.length, source.buffer.sampleRate]), [[3, 22_050]]);
  world.socket.deliver(new ArrayBuffer(3));
  assert.equal(context.sources.length, 2, 'half a sample is dropped');
});
