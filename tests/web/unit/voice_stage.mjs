// A client with voice in a fake world: greeted, with a microphone that the test speaks into and an answer that
// is being spoken.

import assert from 'node:assert/strict';
import { MrClient } from '../../../web/client/client.js';
import { VoiceClient } from '../../../web/client/voice.js';
import { stamp } from '../scenario.mjs';
import { FakeAudioContext } from './audio_world.mjs';
import { fakeStorage, fakeWorld } from './world.mjs';

export const soon = () => new Promise((resolve) => setImmediate(resolve));

// A client at /ws/chat, greeted, with a microphone that the test speaks into.
export function stage(options = {}) {
  const world = fakeWorld();
  const client = new MrClient({ env: world, storage: fakeStorage(), voiceUrl: '/ws/voice' }).start();
  world.socket.greet();
  const context = new FakeAudioContext(world);
  const mics = [];
  const open = (sink) => {
    const mic = { sink, closed: 0, told: [] };
    mics.push(mic);
    mic.promise = new Promise((resolve, reject) => Object.assign(mic, { resolve, reject }));
    const tell = (what) => (...rest) => mic.told.push([what, ...rest.map(Math.round)]);
    const made = { close: async () => (mic.closed += 1), played: tell('played'), silenced: tell('silenced'), mistaken: tell('mistaken'), right: tell('right') };
    if (!options.slow) mic.resolve(made);
    else mic.made = made;
    return mic.promise;
  };
  const voice = new VoiceClient({ client, audioContext: () => context, env: world, open, ...options });
  const speak = (ms, value = 1) => {
    for (let at = 0; at < ms; at += 40) {
      world.pass(40);
      mics.at(-1).sink.onFrame(new Int16Array(640).fill(value), 0.5);
    }
  };
  const sent = (type) => world.socket.sent.filter((frame) => (type === 'binary' ? frame.binary : frame.type === type));
  const samples = () => sent('binary').reduce((sum, frame) => sum + frame.binary.length, 0);
  const say = (event) => world.socket.deliver({ stream_id: voice.state.streams.at(-1), ...event });
  return { world, client, voice, context, mics, speak, sent, samples, say };
}

export async function listening(options) {
  const all = stage(options);
  all.voice.start('auto');
  await soon();
  all.world.socket.greet();
  all.speak(400);
  all.say({ type: 'voice_ready', engine: 'stub', language: 'en', tts: true });
  return all;
}

// A turn that is being spoken: one segment of a second, announced, sent and audible.
export async function speaking(options) {
  const all = await listening(options);
  const [start] = stamp([{ type: 'turn_start' }], { messageId: 'q1' });
  all.world.socket.deliver({ ...start, question: 'How many?' });
  const ids = (n) => ({ turn_id: 't1', id: `1-${100 + n}` });
  all.sendSegment = (n, last = false) => {
    all.say({ type: 'tts_start', segment: n, text: `Clause ${n}.`, sample_rate: 16_000, encoding: 'pcm_s16le', transport: 'binary', ...ids(2 * n) });
    for (let piece = 0; piece < 10; piece += 1) all.world.socket.deliver(new Int16Array(1600).fill(9).buffer);
    all.say({ type: 'tts_end', segment: n, duration_ms: 1000, last, ...ids(2 * n + 1) });
  };
  all.sendSegment(0);
  all.world.pass(520);
  assert.equal(all.voice.state.speech.current, 0);
  return all;
}
