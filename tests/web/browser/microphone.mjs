// A browser with a microphone that speaks from a file, and what a test wants to know of its sound: what the
// page has captured, how loud its output is, how long a barge-in took.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launch } from './chromium.mjs';

const kRate = 48_000;

// Something that no noise suppression takes for noise: a buzzing voice in syllables.
function speech(at) {
  const syllable = Math.max(0, Math.sin(2 * Math.PI * 4 * at)) ** 0.5;
  let sum = 0;
  for (let harmonic = 1; harmonic <= 12; harmonic += 1) sum += Math.sin(2 * Math.PI * (130 + 20 * Math.sin(3 * at)) * harmonic * at) / harmonic;
  return 0.35 * syllable * sum;
}

/** A WAV file of 16-bit samples, mono. */
export function wavOf(samples, rate) {
  const data = Buffer.alloc(44 + samples.length * 2);
  data.write('RIFF', 0);
  data.writeUInt32LE(36 + samples.length * 2, 4);
  data.write('WAVEfmt ', 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(rate, 24);
  data.writeUInt32LE(rate * 2, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36);
  data.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, index) => data.writeInt16LE(sample, 44 + index * 2));
  return data;
}

const syllables = (seconds) => Array.from({ length: seconds * kRate }, (_, n) => Math.round(12_000 * Math.max(-1, Math.min(1, speech(n / kRate)))));
const silence = (seconds) => new Array(seconds * kRate).fill(0);

/** Chromium whose microphone plays a WAV file, from its beginning whenever it is opened. */
export function launchWithFile(file, { loop = false } = {}) {
  return launch(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-audio-capture=${file}${loop ? '' : '%noloop'}`, '--autoplay-policy=no-user-gesture-required']);
}

/** A microphone that speaks and is silent: `parts`, `[seconds, speaks]`, over and over when `loop`. */
export async function launchWithMicrophone(parts, { loop = false } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'mr-ws-sound-'));
  const file = path.join(folder, 'microphone.wav');
  writeFileSync(file, wavOf(parts.flatMap(([seconds, speaks]) => (speaks ? syllables(seconds) : silence(seconds))), kRate));
  const chrome = await launchWithFile(file, { loop });
  return {
    browser: chrome.browser,
    async close() {
      await chrome.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Runs in the page before its own scripts. `window.captured` (frames from the worklet), `window.onsets` (when
 * sound began in them, behind silence), `window.loudness()` (of all that goes to a loudspeaker, 0 to 1),
 * `window.loudest`, `window.marks` (texts that were marked as spoken), `window.captions` (`final: text`),
 * `window.opened` (when the microphone was), `window.guesses` (when the page took something for speech),
 * `window.frames` (`{ at, ...frame }` of the server's that tests ask for), `window.bargeIns(onsets)`: for each,
 * the ms until nothing was heard any more; null: it went on, undefined: there was nothing.
 */
export function listen() {
  window.captured = [];
  window.loudest = 0;
  window.marks = [];
  window.captions = [];
  document.addEventListener('DOMContentLoaded', () => {
    const note = () => {
      const caption = document.querySelector('.caption');
      if (caption) window.captions.push(`${caption.dataset.final}: ${caption.textContent}`);
    };
    new MutationObserver(note).observe(document.getElementById('voice'), { childList: true, subtree: true, characterData: true, attributes: true });
  });
  const { set } = HighlightRegistry.prototype;
  HighlightRegistry.prototype.set = function (name, highlight) {
    window.marks.push([...highlight].map(String).join());
    return set.call(this, name, highlight);
  };
  hearOutput();
  hearInput();
  hearServer();

  function hearOutput() {
    const kQuiet = 0.001;
    const kLoud = 0.01;
    const kSilenceMs = 200; // longer than any pause within words
    const log = []; // [time, loudness], of the last five minutes
    const fades = []; // when the page has faded something out
    const analysers = [];
    const gains = new WeakMap();
    const { connect } = AudioNode.prototype;
    AudioNode.prototype.connect = function (target, ...rest) {
      if (target instanceof AudioDestinationNode && this instanceof GainNode) {
        const analyser = new AnalyserNode(this.context, { fftSize: 256 });
        analysers.push(analyser);
        gains.set(this.gain, this.context);
        connect.call(this, analyser);
      }
      return connect.call(this, target, ...rest);
    };
    const { linearRampToValueAtTime: ramp } = AudioParam.prototype;
    AudioParam.prototype.linearRampToValueAtTime = function (value, at) {
      const context = gains.get(this);
      if (context && value === 0) fades.push(performance.now() + (at - context.currentTime) * 1000);
      return ramp.call(this, value, at);
    };
    window.loudness = () => {
      const data = new Float32Array(256);
      return analysers.slice(-8).reduce((most, analyser) => {
        analyser.getFloatTimeDomainData(data);
        return Math.max(most, Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length));
      }, 0);
    };
    setInterval(() => {
      log.push([performance.now(), window.loudness()]);
      if (log.length > 60_000) log.shift();
      window.loudest = Math.max(window.loudest, log.at(-1)[1]);
    }, 5);
    const bargeIn = (onset) => {
      const from = log.findIndex(([time]) => time > onset - 100);
      if (from < 0 || !log.slice(from).some(([time, level]) => time < onset + 20 && level > kLoud)) return undefined;
      const fade = fades.find((time) => time > onset);
      if (fade === undefined) return null;
      let silent = fade;
      for (const [time, level] of log.slice(from)) {
        if (time < onset || level < kQuiet) continue;
        if (time > fade && time - silent > kSilenceMs) break;
        silent = Math.max(silent, time);
      }
      return performance.now() - silent > kSilenceMs ? silent - onset : null;
    };
    window.bargeIns = (onsets = window.onsets) => onsets.map(bargeIn);
  }

  function hearInput() {
    const kBlock = 160; // 10 ms
    const kHush = 30; // blocks of silence in front of an onset
    let quiet = 0;
    window.onsets = [];
    window.guesses = [];
    const devices = navigator.mediaDevices;
    const getUserMedia = devices?.getUserMedia;
    if (devices) devices.getUserMedia = async (wishes) => {
      const stream = await getUserMedia.call(devices, wishes);
      window.opened = performance.now();
      return stream;
    };
    const isLoud = (block) => block.reduce((sum, x) => sum + x * x, 0) / block.length > 200 ** 2;
    const frame = (pcm) => {
      window.captured.push([...pcm]);
      for (let at = 0; at + kBlock <= pcm.length; at += kBlock) {
        const loud = isLoud(pcm.subarray(at, at + kBlock));
        if (loud && quiet >= kHush) window.onsets.push(performance.now() - (pcm.length - at) / 16);
        quiet = loud ? 0 : quiet + 1;
      }
    };
    const Worklet = window.AudioWorkletNode;
    window.AudioWorkletNode = class extends Worklet {
      constructor(...args) {
        super(...args);
        this.port.addEventListener('message', ({ data }) => {
          if (data === 'onset') window.guesses.push(performance.now());
          else if (data?.pcm) frame(data.pcm);
        });
      }
    };
  }

  function hearServer() {
    const kKept = ['speech_started', 'voice_metrics', 'tts_cancelled'];
    window.frames = [];
    const Socket = window.WebSocket;
    window.WebSocket = class extends Socket {
      constructor(...args) {
        super(...args);
        this.addEventListener('message', ({ data }) => {
          const frame = typeof data === 'string' ? JSON.parse(data) : {};
          if (kKept.includes(frame.type)) window.frames.push({ at: performance.now(), ...frame });
        });
      }
    };
  }
}
