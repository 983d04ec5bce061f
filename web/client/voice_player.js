// Plays an answer as it arrives: pieces of sound back to back on an AudioContext, in segments. Knows to the
// millisecond what has been heard, pauses and goes on, stops at once. Knows no protocol and no server.

const kLeadS = 0.02; // between deciding to play and playing
const kFadeS = 0.02; // a stop that does not click
const kMaxQueuedS = 30; // the server runs three seconds ahead; what exceeds this is dropped
const kLevelS = 0.01; // the loudest of so long is a piece's level

/** A place in an answer: `{ turnId, segment, ms }`, `ms` of the segment's sound heard. */
export class SpeechPlayer {
  /**
   * @param {object} options
   * @param {() => AudioContext} options.context asked for when the first sound is to be played
   * @param {(state: 'started'|'ended', place: object) => void} options.onSegment one begins to sound, or is over
   * @param {() => void} options.onIdle all that has come has been played
   * @param {(inMs: number, ms: number, db: number) => void} [options.onScheduled] a piece of that loudness will
   *   be heard so soon, for so long
   * @param {(inMs: number) => void} [options.onSilenced] nothing of it will be from then on
   */
  constructor({ context, onSegment, onIdle, onScheduled = () => {}, onSilenced = () => {}, env = globalThis }) {
    this.makeContext = context;
    this.onSegment = onSegment;
    this.onIdle = onIdle;
    this.onScheduled = onScheduled;
    this.onSilenced = onSilenced;
    this.env = env;
    this.context = null;
    this.gain = null;
    this.last = null; // the place at which the newest segment that is over has ended
    this.segments = []; // not over yet: { turnId, segment, rate, complete, started, heardS, pieces }
    this.nextAt = 0;
    this.paused = false;
    this.queuedS = 0;
    this.run = 0; // timers of an earlier run mean nothing
  }

  /** Whether there is something to be heard, now or after a pause. */
  get active() {
    return this.segments.some((segment) => segment.pieces.length > 0);
  }

  begin(turnId, segment, rate) {
    this.segments.push({ turnId, segment, rate, complete: false, started: false, heardS: 0, pieces: [] });
  }

  /** @param {Int16Array} samples the next ones of the newest segment */
  push(samples) {
    const segment = this.segments.at(-1);
    if (!segment || segment.complete || samples.length === 0 || this.queuedS > kMaxQueuedS) return;
    this.context ??= this.makeContext();
    const buffer = this.context.createBuffer(1, samples.length, segment.rate);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const db = loudest(samples, Math.round(segment.rate * kLevelS));
    const piece = { segment, buffer, db, length: samples.length / segment.rate, offset: 0, at: 0, source: null };
    segment.pieces.push(piece);
    this.queuedS += piece.length;
    if (!this.paused) this.schedule(piece);
  }

  /** The newest segment is complete. */
  end() {
    const segment = this.segments.at(-1);
    if (!segment) return;
    segment.complete = true;
    this.settle();
  }

  schedule(piece) {
    const { context, run } = this;
    if (this.gain === null) {
      this.gain = context.createGain();
      this.gain.connect(context.destination);
    }
    const source = context.createBufferSource();
    source.buffer = piece.buffer;
    source.connect(this.gain);
    piece.source = source;
    piece.at = Math.max(context.currentTime + kLeadS, this.nextAt);
    source.start(piece.at, piece.offset);
    this.nextAt = piece.at + piece.length - piece.offset;
    source.onended = () => piece.source === source && this.played(piece);
    const wait = (piece.at - context.currentTime + (context.outputLatency || 0)) * 1000;
    this.onScheduled(wait, (piece.length - piece.offset) * 1000, piece.db);
    if (piece.segment.started || piece.segment.pieces[0] !== piece) return;
    this.env.setTimeout(() => run === this.run && this.sounding(piece.segment), Math.max(0, wait));
  }

  sounding(segment) {
    if (segment.started) return;
    segment.started = true;
    this.onSegment('started', { turnId: segment.turnId, segment: segment.segment, ms: 0 });
  }

  played(piece) {
    const { segment } = piece;
    segment.pieces.shift();
    segment.heardS += piece.length;
    this.queuedS -= piece.length;
    this.sounding(segment);
    this.settle();
  }

  // Takes leave of the segments that are complete and played.
  settle() {
    while (this.segments[0]?.complete && this.segments[0].pieces.length === 0) {
      const { turnId, segment, heardS } = this.segments.shift();
      this.last = { turnId, segment, ms: Math.round(heardS * 1000) };
      this.onSegment('ended', this.last);
    }
    if (this.segments.length === 0) this.onIdle();
  }

  /** What is being heard or would be next; when there is nothing, what was heard last, or null. */
  get place() {
    const segment = this.segments.find((entry) => entry.pieces.length > 0) ?? this.segments[0];
    if (!segment) return this.last;
    const piece = segment.pieces[0];
    const within = piece ? this.reached(piece) : 0;
    return { turnId: segment.turnId, segment: segment.segment, ms: Math.round((segment.heardS + within) * 1000) };
  }

  // Seconds of a piece that are over.
  reached(piece) {
    if (!piece.source) return piece.offset;
    const since = Math.max(0, this.context.currentTime - piece.at);
    return Math.min(piece.length, piece.offset + since);
  }

  /** Silence within 20 ms, with everything kept for `resume`; returns the place reached. */
  pause() {
    if (this.paused) return null;
    this.paused = true;
    this.silence();
    return this.place;
  }

  resume() {
    if (!this.paused) return null;
    this.paused = false;
    for (const segment of this.segments) for (const piece of segment.pieces) this.schedule(piece);
    this.settle();
    return this.place;
  }

  /** Silence within 20 ms, for good; returns the place reached. */
  stop() {
    if (!this.paused) this.silence();
    this.last = this.place;
    this.paused = false;
    this.segments = [];
    this.queuedS = 0;
    return this.last;
  }

  silence() {
    const { context, gain } = this;
    this.run += 1;
    this.nextAt = 0;
    this.gain = null; // the next sound gets one at full strength
    if (gain === null) return;
    const until = context.currentTime + kFadeS;
    gain.gain.setValueAtTime(1, context.currentTime);
    gain.gain.linearRampToValueAtTime(0, until);
    for (const segment of this.segments) for (const piece of segment.pieces) this.unschedule(piece, until);
    this.onSilenced((kFadeS + (context.outputLatency || 0)) * 1000);
  }

  unschedule(piece, until) {
    const { source } = piece;
    if (!source) return;
    piece.offset = Math.min(piece.length, piece.offset + Math.max(0, until - piece.at));
    piece.source = null; // its `ended` means nothing any more
    source.stop(until);
  }
}

// In dB of full scale.
function loudest(samples, step) {
  let most = 0;
  for (let at = 0; at < samples.length; at += step) {
    let sum = 0;
    const part = samples.subarray(at, at + step);
    for (const sample of part) sum += sample * sample;
    most = Math.max(most, sum / part.length);
  }
  return 10 * Math.log10(Math.max(1e-10, most / 32768 ** 2));
}
