// Whether somebody has begun to speak, from the microphone's sound alone, within a tenth of a second: so that
// an answer that is being spoken falls silent before the server has heard anything. It guesses; the server
// decides. Pure arithmetic on samples at 16 kHz in steps of 10 ms; runs inside the audio worklet.
//
// A frame counts when it is loud: above the quietest of the last two seconds, and above what is left of the
// answer's own sound in the microphone. Speech is loud frames with a voice in them (they repeat themselves at
// a pitch, and not as a pure tone does), or a hiss as of an s. Clicks are too short for that, and noise has
// neither pitch nor the spectrum of an s. Levels are in dB of full scale.

import { Biquad, levelOf } from './biquad.js';
import { rings, voicing } from './voicing.js';

const kRate = 16_000;
export const kHop = kRate / 100; // samples of a frame

const kLoudDb = 9; // above the floor
const kQuietestDb = -55; // below this nothing is speech, whatever the floor
const kLowestFloorDb = -70;
const kFloorSpans = 20; // of kSpanFrames: within two seconds everybody breathes
const kSpanFrames = 10;

const kWindow = 12; // frames that are looked back upon
const kLoudFrames = 6; // of them, for speech
const kVoicedFrames = 4;
const kVoiced = 0.6; // correlation with the period before
const kPureTone = -0.9; // correlation half a period on: a sine alone comes so near to −1
const kHissFrames = 7; // one after the other: 70 ms of an s or sh
const kHissDb = 7.5; // above 2.5 kHz over below 1.5 kHz; of white noise it is 6
const kHissFallDb = 6; // from its loudest: what rings out falls faster
const kQuietFrames = 20; // before the next onset is one

// The answer in the microphone, relative to what is played, behind the browser's echo cancellation.
const kStartCouplingDb = -24; // before anything is known: cancellation needs a second to learn
const kMaxCouplingDb = -6;
const kMinCouplingDb = -45;
const kCouplingMarginDb = 6;
const kHissBelowDb = 6; // at least: what is played is loudest in its vowels
const kCouplingFallDb = 0.06; // a frame: 6 dB in a second of sound
const kCouplingRiseDb = 0.3; // a frame; somebody's first frames must not count for much
const kMistakeDb = 3; // above what was taken for speech by mistake
const kMistakenDb = -12; // but not more: whoever really spoke is to be heard again
const kEchoFrames = 30; // so long the played sound may need to the microphone, and ring on
const kEarlyFrames = 5; // clocks of two devices
const kInaudibleDb = -60;

class Floor {
  constructor() {
    this.spans = new Float32Array(kFloorSpans).fill(kLowestFloorDb);
    this.at = 0;
    this.sum = 0;
    this.count = 0;
  }

  /** @param {number} db of the next frame; returns the floor before it */
  next(db) {
    const floor = Math.max(kLowestFloorDb, Math.min(...this.spans));
    this.sum += db;
    this.count += 1;
    if (this.count === kSpanFrames) {
      this.spans[this.at] = this.sum / kSpanFrames;
      this.at = (this.at + 1) % kFloorSpans;
      this.sum = 0;
      this.count = 0;
    }
    return floor;
  }
}

/** How loud the answer may be in the microphone at the moment. Times are frames since the beginning. */
class Echo {
  constructor() {
    this.pieces = []; // { from, to, db }, in order
    this.couplingDb = kStartCouplingDb;
    this.before = kStartCouplingDb; // the last mistake
    this.taken = kMinCouplingDb; // the loudest, relative to what is played, of the last onset's frames
  }

  played(from, to, db) {
    this.pieces.push({ from, to, db });
  }

  silenced(at) {
    this.pieces = this.pieces.filter((piece) => piece.from < at);
    for (const piece of this.pieces) piece.to = Math.min(piece.to, at);
  }

  /** The level of what can be heard of the answer at that time at its source; −Infinity: nothing. */
  sourceDb(at) {
    while (this.pieces.length > 0 && this.pieces[0].to + kEchoFrames < at) this.pieces.shift();
    let most = -Infinity;
    for (const piece of this.pieces) {
      if (piece.from - kEarlyFrames > at) break;
      most = Math.max(most, piece.db);
    }
    return most > kInaudibleDb ? most : -Infinity;
  }

  thresholdDb(sourceDb) {
    return sourceDb + this.couplingDb + kCouplingMarginDb;
  }

  // What is below the threshold is echo or nothing: the coupling goes towards the loudest of it.
  learn(sourceDb, db) {
    if (sourceDb === -Infinity) return;
    const seen = Math.min(kMaxCouplingDb, db - sourceDb);
    const lower = Math.max(kMinCouplingDb, this.couplingDb - kCouplingFallDb);
    this.couplingDb = Math.max(lower, Math.min(seen, this.couplingDb + kCouplingRiseDb));
  }

  mistaken() {
    this.before = this.couplingDb;
    this.couplingDb = Math.max(this.couplingDb, Math.min(kMistakenDb, this.taken + kMistakeDb));
  }

  right() {
    this.couplingDb = Math.min(this.couplingDb, this.before);
  }
}

export class OnsetDetector {
  constructor() {
    this.highPass = Biquad.highPass(150, kRate);
    this.body = Biquad.lowPass(3500, kRate);
    this.hiss = Biquad.highPass(2500, kRate);
    this.pitch = Biquad.lowPass(1500, kRate);
    this.bodyFloor = new Floor();
    this.hissFloor = new Floor();
    this.echo = new Echo();
    this.rest = new Float32Array(kHop);
    this.filled = 0;
    this.low = new Float32Array(0); // the last 30 ms at 8 kHz, below 1.5 kHz
    this.frames = 0; // since the beginning
    this.recent = []; // of the last kWindow: { loud, voiced, over }
    this.hissRun = []; // levels
    this.quiet = kQuietFrames;
    this.speaking = false; // the newest frames still are speech, of an onset before
  }

  /** The answer is heard at that level from `inMs` from now on for `lengthMs`. */
  played(inMs, lengthMs, db) {
    const from = this.frames + Math.floor(inMs / 10);
    this.echo.played(from, from + Math.ceil(lengthMs / 10), db);
  }

  /** Nothing of it is heard from `inMs` from now on. */
  silenced(inMs) {
    this.echo.silenced(this.frames + Math.ceil(inMs / 10));
  }

  /** The last onset was none: if it was the answer itself, it is known for it from now on. */
  mistaken() {
    this.echo.mistaken();
  }

  /** It was one after all. */
  right() {
    this.echo.right();
  }

  /** @param {Float32Array} samples the next ones, between −1 and 1; returns how many onsets were in them */
  push(samples) {
    let onsets = 0;
    for (let taken = 0; taken < samples.length; ) {
      const part = samples.subarray(taken, taken + kHop - this.filled);
      this.rest.set(part, this.filled);
      this.filled += part.length;
      taken += part.length;
      if (this.filled < kHop) continue;
      this.filled = 0;
      if (this.frame(this.rest)) onsets += 1;
    }
    return onsets;
  }

  frame(samples) {
    const high = this.highPass.run(samples);
    const low = this.pitch.run(high);
    const bodyDb = levelOf(this.body.run(high));
    const sharp = this.hiss.run(samples);
    const hissDb = levelOf(sharp);
    const sourceDb = this.echo.sourceDb(this.frames);
    const echoDb = this.echo.thresholdDb(sourceDb);
    const isLoud = (db, floor, echo) => db > Math.max(floor + kLoudDb, kQuietestDb, echo);
    const bodyLoud = isLoud(bodyDb, this.bodyFloor.next(bodyDb), echoDb);
    const hissLoud = isLoud(hissDb, this.hissFloor.next(hissDb), echoDb - kHissBelowDb);
    const voiced = this.isVoiced(low, bodyLoud);
    this.frames += 1;
    if (!bodyLoud) this.echo.learn(sourceDb, bodyDb);
    this.recent.push({ loud: bodyLoud, voiced, over: bodyDb - sourceDb });
    if (this.recent.length > kWindow) this.recent.shift();
    const isHiss = hissLoud && hissDb > levelOf(low) + kHissDb && !rings(sharp);
    this.hissRun = isHiss ? [...this.hissRun, hissDb].slice(-kHissFrames) : [];
    const isNew = this.quiet >= kQuietFrames;
    this.quiet = bodyLoud || hissLoud ? (isNew ? kQuietFrames : 0) : this.quiet + 1;
    const isSpeech = this.isSpeech();
    this.speaking = isSpeech && !isNew;
    if (!isNew || !isSpeech) return false;
    this.quiet = 0;
    this.echo.taken = Math.max(...this.recent.map(({ over }) => over));
    return true;
  }

  // The window of the pitch is kept up in silence as well: speech is judged with its first frame.
  isVoiced(low, loud) {
    const pitch = low.filter((_, n) => n % 2 === 0);
    const joined = new Float32Array(this.low.length + pitch.length);
    joined.set(this.low);
    joined.set(pitch, this.low.length);
    this.low = joined.slice(-240);
    if (!loud || this.low.length < 240) return false;
    const { period, opposite } = voicing(this.low);
    return period > kVoiced && opposite > kPureTone;
  }

  isSpeech() {
    const count = (what) => this.recent.reduce((sum, frame) => sum + (frame[what] ? 1 : 0), 0);
    if (count('loud') >= kLoudFrames && count('voiced') >= kVoicedFrames) return true;
    return this.hissRun.length === kHissFrames && this.hissRun.at(-1) > Math.max(...this.hissRun) - kHissFallDb;
  }
}
