// Sounds for tests, at 16 kHz between −1 and 1, the same in every run: noises, tones, knocks, coughs, a buzzing
// voice, and sentences spoken by flite where it is installed.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const kRate = 16_000;
export const amplitude = (db) => 10 ** (db / 20);
const make = (seconds, at) => Float32Array.from({ length: Math.round(seconds * kRate) }, (_, n) => at(n / kRate, n));

/** Numbers between 0 and 1, by a seed (mulberry32). */
export function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const silence = (seconds) => make(seconds, () => 0);

/** Of that level (RMS in dB of full scale); `tilt` from 0 (white) towards 1 (brown). */
export function noise(seconds, db, { seed = 1, tilt = 0 } = {}) {
  const random = chance(seed);
  let last = 0;
  const raw = make(seconds, () => (last = tilt * last + 2 * random() - 1));
  const power = raw.reduce((sum, x) => sum + x * x, 0) / raw.length;
  return raw.map((x) => (x * amplitude(db)) / Math.sqrt(power));
}

export const tone = (seconds, hz, db) => make(seconds, (t) => Math.SQRT2 * amplitude(db) * Math.sin(2 * Math.PI * hz * t));

/** Struck once: rings at `hz` and is 60 dB down after `seconds`. */
export const knock = (seconds, hz, db) => make(seconds, (t) => amplitude(db) * 10 ** ((-3 * t) / seconds) * Math.sin(2 * Math.PI * hz * t));

/** A burst of breath that dies away, without the voice that may follow. */
export function cough(db, seed = 7) {
  const random = chance(seed);
  let last = 0;
  return make(0.3, (t) => (last = 0.5 * last + (2 * random() - 1) * amplitude(db) * (t < 0.03 ? 1 : 0.6 * Math.exp(-12 * (t - 0.03)))));
}

/** Syllables of a voice that buzzes. */
export const buzz = (seconds, db, hz = 130) =>
  make(seconds, (t) => {
    let sum = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic += 1) sum += Math.sin(2 * Math.PI * hz * harmonic * t + 3 * harmonic * Math.sin(3 * t)) / harmonic;
    return amplitude(db) * Math.max(0, Math.sin(2 * Math.PI * 4 * t)) ** 0.5 * sum;
  });

/** Several after each other. */
export function joined(...parts) {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Sound with another one added to it from `seconds` on. */
export function mixed(sound, other, seconds = 0) {
  const from = Math.round(seconds * kRate);
  return sound.map((x, n) => x + (other[n - from] ?? 0));
}

const said = new Map();

/** A sentence of flite's, at its own level (some −18 dB); null where it is not installed. */
export function spoken(text, voice = 'slt') {
  const key = `${voice}: ${text}`;
  if (!said.has(key)) said.set(key, speak(text, voice));
  return said.get(key);
}

function speak(text, voice) {
  const folder = mkdtempSync(path.join(tmpdir(), 'mr-ws-says-'));
  const file = path.join(folder, 'say.wav');
  try {
    execFileSync('flite', ['-voice', voice, '-t', text, '-o', file], { stdio: 'ignore' });
    const data = readFileSync(file);
    if (data.readUInt32LE(24) !== kRate) return null;
    const at = data.indexOf('data') + 8;
    return Float32Array.from({ length: (data.length - at) >> 1 }, (_, n) => data.readInt16LE(at + 2 * n) / 32768);
  } catch {
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where its first sound is: 30 dB below its loudest 5 ms. In samples. */
export function beginningOf(sound) {
  const step = kRate / 200;
  const levels = Array.from({ length: Math.floor(sound.length / step) }, (_, n) =>
    Math.sqrt(sound.subarray(n * step, (n + 1) * step).reduce((sum, x) => sum + x * x, 0) / step),
  );
  return levels.findIndex((level) => level > amplitude(-30) * Math.max(...levels)) * step;
}
