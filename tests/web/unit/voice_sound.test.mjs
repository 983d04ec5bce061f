// Sound on its way: the resampler keeps what it should and loses what it must, the ring keeps the last
// seconds at their places, the player puts pieces back to back and knows what was heard.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Resampler, toInt16 } from '../../../web/client/resampler.js';
import { SpeechPlayer } from '../../../web/client/voice_player.js';
import { AudioRing, kRingMs, samplesOf } from '../../../web/client/voice_ring.js';
import { FakeAudioContext } from './audio_world.mjs';
import { fakeWorld } from './world.mjs';

const sine = (rate, hz, seconds) => Float32Array.from({ length: Math.round(rate * seconds) }, (_, n) => Math.sin((2 * Math.PI * hz * n) / rate));
const peak = (samples) => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

for (const rate of [8000, 22050, 44100, 48000, 96000]) {
  test(`${rate} Hz becomes 16 kHz`, () => {
    const out = new Resampler(rate, 16_000).process(sine(rate, 1000, 1));
    assert.ok(Math.abs(out.length - 16_000) <= 40, `${out.length} samples for a second`);
    const settled = out.subarray(200);
    assert.ok(Math.abs(peak(settled) - 1) < 0.01, `1 kHz passes: ${peak(settled)}`);
    // The very sine, a little later: nothing but a 1 kHz sine fulfils its own recurrence.
    const k = 2 * Math.cos((2 * Math.PI * 1000) / 16_000);
    const error = peak(settled.subarray(2).map((x, n) => x - k * settled[n + 1] + settled[n]));
    assert.ok(error < 0.01, `pure: ${error}`);
    if (rate < 32_000) return;
    const folded = new Resampler(rate, 16_000).process(sine(rate, 11_000, 0.5)).subarray(200);
    assert.ok(peak(folded) < 0.001, `11 kHz is gone: ${peak(folded)}`);
  });
}

test('how the stream is cut changes nothing', () => {
  const input = Float32Array.from({ length: 5000 }, (_, n) => ((n * 7919) % 1000) / 500 - 1);
  for (const rate of [8000, 44100, 48000]) {
    const whole = new Resampler(rate, 16_000).process(input);
    const resampler = new Resampler(rate, 16_000);
    const parts = [];
    for (let at = 0, size = 1; at < input.length; at += size, size = (size * 5 + 3) % 257) parts.push(...resampler.process(input.subarray(at, at + size)));
    assert.deepEqual(Float32Array.from(parts), whole, String(rate));
  }
});

test('16-bit samples are limited', () => {
  assert.deepEqual([...toInt16(Float32Array.of(0, 1, -1, 2, -2, 0.5))], [0, 32767, -32767, 32767, -32768, 16384]);
});

test('the ring keeps the last five seconds at their places', () => {
  const ring = new AudioRing();
  const size = samplesOf(kRingMs);
  assert.equal(size, 80_000);
  let next = 0;
  const take = (length) => Int16Array.from({ length }, () => (next = (next + 1) % 30_000));
  const expected = (from, to) => Array.from({ length: to - from }, (_, n) => (from + n + 1) % 30_000);
  for (const length of [640, 1, 79_999, 640, 123_456, 0, 640, 3200]) {
    ring.push(take(length));
    assert.equal(ring.start, Math.max(0, ring.end - size));
    for (const [from, to] of [[ring.start, ring.end], [ring.end - 5, ring.end], [ring.start, ring.start + 700], [ring.end - 641, ring.end - 1]]) {
      const first = Math.max(from, ring.start);
      assert.deepEqual([...ring.read(from, to)], expected(first, Math.max(first, Math.min(to, ring.end))), `${length}: ${from}–${to}`);
    }
  }
  assert.equal(ring.read(0, ring.start).length, 0, 'what is gone is gone');
  assert.equal(ring.read(ring.start - 10, ring.start + 1).length, 1);
  assert.equal(ring.read(ring.end).length, 0);
  ring.clear();
  assert.deepEqual([ring.start, ring.end], [0, 0]);
});

function stage() {
  const world = fakeWorld();
  const context = new FakeAudioContext(world);
  const log = [];
  const player = new SpeechPlayer({
    context: () => context,
    env: world,
    onSegment: (state, { turnId, segment, ms }) => log.push(`${state} ${turnId}/${segment} ${ms}`),
    onIdle: () => log.push('idle'),
  });
  const say = (segment, pieces, rate = 16_000, ms = 100) => {
    player.begin('t', segment, rate);
    for (let n = 0; n < pieces; n += 1) player.push(new Int16Array((rate * ms) / 1000).fill(1000));
    player.end();
  };
  return { world, context, player, log, say, sources: context.sources };
}

const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

test('pieces lie back to back, 20 ms ahead', () => {
  const { world, context, player, log, say, sources } = stage();
  world.pass(5000);
  say(0, 3);
  say(1, 2, 24_000);
  assert.deepEqual(sources.map((source) => source.buffer.sampleRate), [16_000, 16_000, 16_000, 24_000, 24_000]);
  sources.forEach((source, n) => near(source.startsAt, 5.02 + n * 0.1));
  assert.deepEqual(log, []);
  world.pass(20);
  assert.deepEqual(log, ['started t/0 0']);
  world.pass(150);
  assert.deepEqual(player.place, { turnId: 't', segment: 0, ms: 150 });
  world.pass(200);
  assert.deepEqual(log, ['started t/0 0', 'ended t/0 300', 'started t/1 0']);
  assert.deepEqual(player.place, { turnId: 't', segment: 1, ms: 50 });
  world.pass(200);
  assert.deepEqual(log.slice(3), ['ended t/1 200', 'idle']);
  assert.equal(player.active, false);
  assert.deepEqual(player.place, { turnId: 't', segment: 1, ms: 200 }, 'what was heard last');
  // Late sound starts anew, it does not pile up in the past.
  world.pass(1000);
  say(2, 1);
  near(sources.at(-1).startsAt, context.currentTime + 0.02);
});

test('a pause is silent within 20 ms and loses nothing', () => {
  const { world, context, player, log, say, sources } = stage();
  say(0, 3);
  world.pass(20 + 130);
  const at = context.currentTime;
  const place = player.pause();
  assert.deepEqual(place, { turnId: 't', segment: 0, ms: 150 }, 'the fade is counted as heard');
  const [gain] = context.gains;
  assert.deepEqual(gain.gain.events, [['set', 1, at], ['ramp', 0, at + 0.02]]);
  near(sources[1].stopsAt, at + 0.02);
  near(sources[2].stopsAt, at + 0.02);
  assert.ok(sources[2].startsAt > sources[2].stopsAt, 'never sounds');
  say(1, 1);
  assert.equal(sources.length, 3, 'nothing is scheduled in a pause');
  world.pass(3000);
  assert.equal(player.active, true);
  assert.deepEqual(player.place, place);
  player.resume();
  const [, , , rest, third, fourth] = sources;
  near(rest.startsAt, context.currentTime + 0.02);
  near(rest.offset, 0.05);
  near(third.startsAt, rest.startsAt + 0.05);
  near(fourth.startsAt, third.startsAt + 0.1);
  assert.equal(context.gains.length, 2, 'full strength again');
  world.pass(400);
  assert.deepEqual(log, ['started t/0 0', 'ended t/0 300', 'started t/1 0', 'ended t/1 100', 'idle']);
  assert.equal(player.resume(), null);
});

test('stop is for good and tells the place', () => {
  const { world, player, log, say, sources } = stage();
  say(0, 1);
  say(1, 5);
  world.pass(20 + 100 + 230);
  assert.deepEqual(player.stop(), { turnId: 't', segment: 1, ms: 250 }, 'with the fade');
  assert.equal(player.active, false);
  world.pass(5000);
  assert.deepEqual(log, ['started t/0 0', 'ended t/0 100', 'started t/1 0']);
  player.push(new Int16Array(160));
  assert.equal(sources.length, 6, 'sound of a stopped answer is dropped');
  assert.deepEqual(player.stop(), { turnId: 't', segment: 1, ms: 250 }, 'still');
  say(0, 1);
  player.pause();
  assert.equal(player.stop().ms, 0, 'never sounded');
  say(0, 1);
  assert.ok(sources.at(-1).startsAt !== undefined, 'plays again after a stop in a pause');
});

test('segments without sound, gaps and floods', () => {
  const { world, player, log, say, sources } = stage();
  say(0, 0);
  assert.deepEqual(log, ['ended t/0 0', 'idle']);
  player.begin('t', 1, 16_000);
  player.push(new Int16Array(1600));
  player.push(new Int16Array(0));
  world.pass(500);
  assert.equal(log.at(-1), 'started t/1 0', 'more may come');
  player.end();
  assert.deepEqual(log.slice(-2), ['ended t/1 100', 'idle']);
  player.begin('t', 2, 16_000);
  for (let n = 0; n < 1000; n += 1) player.push(new Int16Array(1600));
  assert.ok(sources.length < 310, `${sources.length} pieces wait`);
});
