// One microphone's sound on its way to the server: begun with the first frame, resumed behind a loss from
// the ring of the last seconds, ended. Knows neither capture nor what is made of the sound.

import { AudioRing, kRingMs, samplesOf } from './voice_ring.js';

export const kAckTimeoutMs = 4_000;
export const kRefusedMs = 500; // until asked again where to go on
export const kMaxResumes = 3; // in a row, without an answer
export const kMaxBufferedBytes = 160_000; // in the socket: five seconds
const kMaxPast = 4; // streams that are over here
const kMaxFrameSamples = samplesOf(200);
const kMinFrameSamples = samplesOf(10);

export class VoiceStream {
  /**
   * @param {object} options
   * @param {object} options.client an MrClient: `atVoice`, `sendVoice`, `sendVoiceBinary`, `voiceBuffered`
   * @param {(code: string, message: string) => void} options.onFailed the server does not answer
   */
  constructor({ client, env, onFailed }) {
    this.client = client;
    this.env = env;
    this.onFailed = onFailed;
    this.ring = new AudioRing(samplesOf(kRingMs + kAckTimeoutMs)); // what is offered is still there at the answer
    this.timer = undefined;
    this.past = []; // ids
    this.parameters = null;
    this.drop();
  }

  /** @param {object} parameters the fields of `voice_start` */
  open(parameters) {
    this.drop();
    this.parameters = parameters;
  }

  /** Forgets the stream without a word. */
  drop() {
    this.ring.clear();
    if (this.parameters !== null) this.past = [...this.past, this.parameters.stream_id].slice(-kMaxPast);
    this.parameters = null;
    this.link = 'none'; // not begun → sending ⇄ asking (voice_resume sent)
    this.base = 0; // place in the ring that is 0 ms of the stream
    this.from = 0; // ms that the newest voice_resume offered
    this.sent = 0; // place up to which sound has been given to the socket
    this.finishing = false;
    this.resumes = 0;
    this.endedAt = 0; // time at which the ring's end was captured
    this.clear();
  }

  /** Nothing was ever captured. */
  get isEmpty() {
    return this.ring.end === 0;
  }

  /** Local time at which that place of the stream was spoken. */
  capturedAt(ms) {
    return this.endedAt - Math.max(0, this.positionMs(this.ring.end) - ms);
  }

  positionMs(place) {
    return (place - this.base) / samplesOf(1);
  }

  push(samples) {
    this.ring.push(samples);
    this.endedAt = this.env.now();
    if (this.link === 'none') this.begin();
    else if (this.link === 'sending') this.flush();
    else if (this.link === 'clogged' && this.client.voiceBuffered === 0) this.resume();
  }

  /** No more sound will come. */
  finish() {
    if (this.parameters === null) return;
    this.finishing = true;
    if (this.link === 'none') this.begin();
    else if (this.link === 'sending') this.flush();
    else if (this.link === 'clogged') this.resume();
  }

  /** The connection is there again, or for the first time. */
  connected() {
    if (this.parameters === null) return;
    if (this.link === 'none') this.begin();
    else this.resume();
  }

  // With the first sound: a server closes a microphone that is silent for long.
  begin() {
    if (this.isEmpty || !this.client.atVoice || !this.client.sendVoice({ type: 'voice_start', ...this.parameters })) return;
    this.link = 'sending';
    this.base = this.ring.start;
    this.sent = this.base;
    this.flush();
  }

  /** A worker that has taken the session over does not know the stream. */
  lost({ stream_id: streamId }) {
    if (streamId === undefined || streamId === this.parameters?.stream_id) this.resume();
  }

  /** The gateway could give something of ours to nobody: it may have been sound. */
  refused() {
    if (this.parameters === null || this.link === 'none') return;
    this.link = 'asking';
    this.resumes = 0;
    this.clear();
    this.timer = this.env.setTimeout(() => this.resume(), kRefusedMs);
  }

  /** Asks from where to go on. */
  resume() {
    if (this.parameters === null || this.link === 'none') return;
    if (this.resumes >= kMaxResumes) {
      this.onFailed('voice_lost', '');
      return;
    }
    this.link = 'asking';
    const oldest = this.ring.end - samplesOf(kRingMs);
    const fromMs = Math.ceil(this.positionMs(Math.max(this.ring.start, this.base, oldest)));
    this.from = fromMs;
    if (!this.client.sendVoice({ type: 'voice_resume', ...this.parameters, from_ms: fromMs })) return;
    this.resumes += 1;
    this.clear();
    this.timer = this.env.setTimeout(() => this.resume(), kAckTimeoutMs);
  }

  acknowledged({ stream_id: streamId, received_ms: ms }) {
    if (this.parameters?.stream_id !== streamId) {
      // Over here, and opened anew there by a `voice_resume` on its way; or another client's.
      if (this.past.includes(streamId)) this.client.sendVoice({ type: 'voice_stop', stream_id: streamId });
      return;
    }
    if (this.link !== 'asking' || !Number.isFinite(ms) || ms < this.from) return; // the answer to one before
    this.clear();
    this.resumes = 0;
    this.link = 'sending';
    this.sent = Math.min(this.ring.end, Math.max(this.ring.start, this.base + samplesOf(ms)));
    this.flush();
  }

  get left() {
    return this.ring.end - this.sent;
  }

  flush() {
    for (let left = this.left; left > 0; left = this.left) {
      if (this.client.voiceBuffered > kMaxBufferedBytes) {
        // Older sound is worth nothing to a network this slow: on from where the server is.
        this.link = 'clogged';
        return;
      }
      // No frame is shorter than the server takes them; what is too short goes with the next.
      if (left < kMinFrameSamples && !this.finishing) return;
      const isLong = left > kMaxFrameSamples && left < kMaxFrameSamples + kMinFrameSamples;
      const samples = this.ring.read(this.sent, this.sent + (isLong ? left - kMinFrameSamples : kMaxFrameSamples));
      if (!this.client.sendVoiceBinary(samples)) return;
      this.sent += samples.length;
    }
    if (this.finishing) this.client.sendVoice({ type: 'voice_stop', stream_id: this.parameters.stream_id });
  }

  clear() {
    this.env.clearTimeout(this.timer);
    this.timer = undefined;
  }
}
