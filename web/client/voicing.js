// Whether sound repeats itself at the pitch of a voice: normalised correlation with itself, a period later.

const kRate = 8_000;
const kShortest = kRate / 400; // samples of a period
const kLongest = Math.floor(kRate / 70);
const kRinging = 0.85; // correlation after half a millisecond: a band of 500 Hz or less

function likeness(samples, lag) {
  let product = 0;
  let early = 1e-9;
  let late = 1e-9;
  for (let n = lag; n < samples.length; n += 1) {
    const a = samples[n - lag];
    const b = samples[n];
    product += a * b;
    early += a * a;
    late += b * b;
  }
  return product / Math.sqrt(early * late);
}

/**
 * @param {Float32Array} samples 30 ms at 8 kHz
 * @returns {{period: number, opposite: number}} the highest correlation at any lag of a voice's period (1:
 *   periodic), and the lowest at any lag (−1: one sine alone, which is its own opposite half a period on)
 */
export function voicing(samples) {
  let period = -1;
  let opposite = 1;
  for (let lag = 2; lag <= kLongest; lag += 1) {
    const at = likeness(samples, lag);
    if (lag >= kShortest && at > period) period = at;
    if (at < opposite) opposite = at;
  }
  return { period, opposite };
}

/** Whether sharp sound is a whistle or a glass and no hiss. @param {Float32Array} samples at 16 kHz */
export function rings(samples) {
  for (let lag = 8; lag <= 16; lag += 1) if (Math.abs(likeness(samples, lag)) > kRinging) return true;
  return false;
}
