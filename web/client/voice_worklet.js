// Runs on the audio thread: microphone samples of any rate in, frames of 16-bit samples at 16 kHz out,
// each with its loudness. A message of any kind asks for what is left, and ends it.

import { Resampler, toInt16 } from './resampler.js';

const kRate = 16_000;
const kFrameSamples = 640; // 40 ms
const kMinFrameSamples = 160; // 10 ms: shorter ones are not taken by the server

class MicrophoneProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = sampleRate === kRate ? null : new Resampler(sampleRate, kRate);
    this.frame = new Float32Array(kFrameSamples);
    this.filled = 0;
    this.running = true;
    this.port.onmessage = () => this.finish();
  }

  process([input]) {
    if (input?.[0] && this.running) this.add(this.resampler ? this.resampler.process(input[0]) : input[0]);
    return this.running;
  }

  add(samples) {
    for (let taken = 0; taken < samples.length; ) {
      const part = samples.subarray(taken, taken + kFrameSamples - this.filled);
      this.frame.set(part, this.filled);
      this.filled += part.length;
      taken += part.length;
      if (this.filled === kFrameSamples) this.post(kFrameSamples);
    }
  }

  post(length) {
    const pcm = toInt16(this.frame.subarray(0, length));
    let sum = 0;
    for (const sample of pcm) sum += sample * sample;
    const level = Math.sqrt(sum / length) / 32768;
    this.port.postMessage({ pcm, level }, [pcm.buffer]);
    this.filled = 0;
  }

  finish() {
    if (!this.running) return;
    this.running = false;
    if (this.filled > 0) {
      this.frame.fill(0, this.filled);
      this.post(Math.max(this.filled, kMinFrameSamples));
    }
    this.port.postMessage(null);
  }
}

registerProcessor('mr-microphone', MicrophoneProcessor);
