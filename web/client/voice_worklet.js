// Runs on the audio thread: microphone samples of any rate in, frames of 16-bit samples at 16 kHz out, each
// with its loudness, and a word as soon as somebody seems to begin to speak, and while he goes on. Messages to it: `{ played }` and
// `{ silenced }` say what of an answer is heard meanwhile, `mistaken` that nobody spoke, `right` that somebody did
// after all, `end` asks for what is left, and ends it. Times are seconds of the audio thread's clock.

import { Resampler, toInt16 } from './resampler.js';
import { OnsetDetector } from './voice_onset.js';

const kRate = 16_000;
const kFrameSamples = 640; // 40 ms
const kMinFrameSamples = 160; // 10 ms: shorter ones are not taken by the server
const kSpeakingSamples = 3200; // 200 ms: so often it is said that somebody goes on

class MicrophoneProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = sampleRate === kRate ? null : new Resampler(sampleRate, kRate);
    this.frame = new Float32Array(kFrameSamples);
    this.filled = 0;
    this.running = true;
    this.ear = new OnsetDetector();
    this.unsaid = 0; // samples since a word about speech
    this.port.onmessage = ({ data }) => this.told(data);
  }

  told(message) {
    const inMs = (at) => (at - currentTime) * 1000;
    if (message === 'end') this.finish();
    else if (message === 'mistaken') this.ear.mistaken();
    else if (message === 'right') this.ear.right();
    else if (message.played) this.ear.played(inMs(message.played.at), message.played.ms, message.played.db);
    else if (message.silenced) this.ear.silenced(inMs(message.silenced.at));
  }

  process([input]) {
    if (!input?.[0] || !this.running) return this.running;
    const samples = this.resampler ? this.resampler.process(input[0]) : input[0];
    this.hear(samples);
    this.add(samples);
    return true;
  }

  hear(samples) {
    this.unsaid += samples.length;
    const begins = this.ear.push(samples) > 0;
    if (!begins && !(this.ear.speaking && this.unsaid >= kSpeakingSamples)) return;
    this.port.postMessage(begins ? 'onset' : 'speaking');
    this.unsaid = 0;
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
