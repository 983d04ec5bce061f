// The last seconds of the microphone, so that a connection may be lost in mid-speech. Places are counted
// in samples since the ring was made or cleared. Knows nothing of connections and streams.

export const kVoiceRate = 16_000; // samples a second, mono: what is sent
export const kRingMs = 5_000;
export const samplesOf = (ms) => (ms * kVoiceRate) / 1000;

export class AudioRing {
  constructor(capacity = samplesOf(kRingMs)) {
    this.data = new Int16Array(capacity);
    this.clear();
  }

  clear() {
    this.end = 0; // place behind the newest sample
  }

  /** Place of the oldest sample that is still here. */
  get start() {
    return Math.max(0, this.end - this.data.length);
  }

  /** @param {Int16Array} samples copied */
  push(samples) {
    const { length } = this.data;
    this.end += samples.length;
    const kept = samples.subarray(Math.max(0, samples.length - length));
    const at = (this.end - kept.length) % length;
    const head = Math.min(kept.length, length - at);
    this.data.set(kept.subarray(0, head), at);
    this.data.set(kept.subarray(head), 0);
  }

  /** The samples from `from` to `to`, as far as they are here: a copy. */
  read(from, to = this.end) {
    const first = Math.max(from, this.start);
    const last = Math.min(to, this.end);
    const out = new Int16Array(Math.max(0, last - first));
    const at = first % this.data.length;
    const head = this.data.subarray(at, Math.min(at + out.length, this.data.length));
    out.set(head);
    if (head.length < out.length) out.set(this.data.subarray(0, out.length - head.length), head.length);
    return out;
  }
}
