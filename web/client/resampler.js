// Changes the rate of a stream of samples: a windowed sinc, one row of weights for each place that an
// output sample can have between two input samples. Pure arithmetic; runs inside the audio worklet.

const kZeroCrossings = 16; // of the sinc, to each side: the filter's steepness
const kPassband = 0.9; // of the lower rate's half: what lies above fades out before it can fold back

const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b));
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
// Blackman: stop band below −70 dB.
const blackman = (x) => 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);

export class Resampler {
  /** Rates in whole samples a second. */
  constructor(from, to) {
    const common = gcd(from, to);
    this.up = to / common;
    this.down = from / common;
    const cutoff = kPassband * Math.min(1, to / from); // relative to half of `from`
    this.half = Math.ceil(kZeroCrossings / cutoff);
    this.rows = Array.from({ length: this.up }, (_, phase) => this.row(phase / this.up, cutoff));
    this.history = new Float32Array(2 * this.half); // samples before the next block
    this.phase = 0; // place of the next output behind the start of the history, in 1/up samples
  }

  // Weights of the samples −half + 1 … half around an output that lies `fraction` behind sample 0.
  row(fraction, cutoff) {
    const row = new Float32Array(2 * this.half);
    let sum = 0;
    for (let index = 0; index < row.length; index += 1) {
      const x = index - this.half + 1 - fraction;
      row[index] = cutoff * sinc(cutoff * x) * blackman(Math.max(-1, Math.min(1, x / this.half)));
      sum += row[index];
    }
    return row.map((weight) => weight / sum);
  }

  /** The output that is complete with these samples; how a stream is cut into blocks changes nothing. */
  process(samples) {
    const { half, up, down, history } = this;
    const input = new Float32Array(history.length + samples.length);
    input.set(history);
    input.set(samples, history.length);
    const limit = (input.length - 2 * half) * up; // places whose weights all lie inside
    const count = Math.max(0, Math.ceil((limit - this.phase) / down));
    const out = new Float32Array(count);
    let place = this.phase;
    for (let n = 0; n < count; n += 1, place += down) {
      const at = Math.floor(place / up);
      const row = this.rows[place % up];
      let sum = 0;
      for (let index = 0; index < row.length; index += 1) sum += row[index] * input[at + index];
      out[n] = sum;
    }
    this.phase = place - samples.length * up;
    this.history = input.slice(samples.length);
    return out;
  }
}

/** Samples between −1 and 1 as 16-bit integers, limited. */
export function toInt16(samples) {
  const out = new Int16Array(samples.length);
  for (let index = 0; index < samples.length; index += 1) {
    out[index] = Math.max(-32768, Math.min(32767, Math.round(samples[index] * 32767)));
  }
  return out;
}
