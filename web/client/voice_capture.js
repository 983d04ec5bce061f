// The microphone: permission, device, audio graph. Gives frames of 40 ms, 16 kHz, 16 bit, mono, tells when
// somebody seems to begin to speak, and says in words a page can use why it cannot. Knows nothing of streams,
// servers and views.

import { kVoiceRate } from './voice_ring.js';

const kFlushTimeoutMs = 300;
// Without these the loudspeaker's answer would be heard as the user's interruption.
export const kConstraints = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** `code`: `insecure`, `denied`, `no_device`, `busy` or `failed`. */
export class CaptureError extends Error {
  constructor(code, cause) {
    super(`microphone: ${code}`, { cause });
    this.code = code;
  }
}

const kCodes = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'no_device',
  OverconstrainedError: 'no_device',
  NotReadableError: 'busy',
  AbortError: 'busy',
};

async function microphone(world) {
  const devices = world.navigator?.mediaDevices;
  if (!devices?.getUserMedia || !world.AudioWorkletNode) throw new CaptureError('insecure');
  try {
    return await devices.getUserMedia({ audio: kConstraints });
  } catch (error) {
    throw new CaptureError(Object.hasOwn(kCodes, error.name) ? kCodes[error.name] : 'failed', error);
  }
}

// At 16 kHz where the browser converts by itself; Firefox refuses a rate that is not the device's.
async function graph(world, stream) {
  const build = (options) => {
    const context = new world.AudioContext(options);
    try {
      return { context, source: context.createMediaStreamSource(stream) };
    } catch (error) {
      context.close();
      throw error;
    }
  };
  let made;
  try {
    made = build({ sampleRate: kVoiceRate, latencyHint: 'interactive' });
  } catch {
    made = build({ latencyHint: 'interactive' });
  }
  await Promise.all([made.context.resume(), made.context.audioWorklet.addModule(new URL('./voice_worklet.js', import.meta.url))]);
  return made;
}

/**
 * Opens the microphone; to be called from a user's gesture. Rejects with a CaptureError.
 * @param {object} sink
 * @param {(pcm: Int16Array, level: number) => void} sink.onFrame `level` is 0 to 1
 * @param {() => void} sink.onLost the device has gone, or the permission
 * @param {() => void} [sink.onOnset] speech has begun, as far as can be told after a tenth of a second
 * @param {() => void} [sink.onSpeaking] it goes on; several times a second
 * @returns {Promise<{close: () => Promise<void>, played: (inMs: number, ms: number, db: number) => void,
 *   silenced: (inMs: number) => void, mistaken: () => void, right: () => void}>} `close` gives the last, shorter
 *   frame before it resolves; `played` and `silenced` tell what comes out of the loudspeaker, so that it is not
 *   taken for somebody; `mistaken`: the last onset was none; `right`: it was one after all
 */
export async function openMicrophone({ onFrame, onLost, onOnset = () => {}, onSpeaking = () => {} }, world = globalThis) {
  const stream = await microphone(world);
  const release = () => stream.getTracks().forEach((track) => track.stop());
  let context;
  try {
    const made = await graph(world, stream);
    context = made.context;
    const node = new world.AudioWorkletNode(context, 'mr-microphone', { channelCount: 1, channelCountMode: 'explicit' });
    let ended = () => {};
    node.port.onmessage = ({ data }) => {
      if (data === null) ended();
      else if (data === 'onset') onOnset();
      else if (data === 'speaking') onSpeaking();
      else onFrame(data.pcm, data.level);
    };
    made.source.connect(node);
    node.connect(context.destination); // silent, but not every browser runs a node that leads nowhere
    for (const track of stream.getTracks()) track.onended = onLost;
    let closing = null;
    const close = async () => {
      const flushed = new Promise((resolve) => {
        ended = resolve;
        world.setTimeout(resolve, kFlushTimeoutMs);
      });
      node.port.postMessage('end');
      await flushed;
      made.source.disconnect();
      release();
      await context.close();
    };
    const at = (inMs) => context.currentTime + inMs / 1000;
    return {
      close: () => (closing ??= close()),
      played: (inMs, ms, db) => node.port.postMessage({ played: { at: at(inMs), ms, db } }),
      silenced: (inMs) => node.port.postMessage({ silenced: { at: at(inMs) } }),
      mistaken: () => node.port.postMessage('mistaken'),
      right: () => node.port.postMessage('right'),
    };
  } catch (error) {
    release();
    context?.close();
    throw error instanceof CaptureError ? error : new CaptureError('failed', error);
  }
}
