// Filters of the second order (Butterworth, bilinear transform) and the loudness of what comes out.

export class Biquad {
  constructor([b0, b1, b2, a0, a1, a2]) {
    this.b = [b0 / a0, b1 / a0, b2 / a0];
    this.a = [a1 / a0, a2 / a0];
    this.first = 0;
    this.second = 0;
  }

  /** @param {number} hz where it is 3 dB down */
  static lowPass(hz, rate) {
    const { cos, alpha } = design(hz, rate);
    return new Biquad([(1 - cos) / 2, 1 - cos, (1 - cos) / 2, 1 + alpha, -2 * cos, 1 - alpha]);
  }

  static highPass(hz, rate) {
    const { cos, alpha } = design(hz, rate);
    return new Biquad([(1 + cos) / 2, -1 - cos, (1 + cos) / 2, 1 + alpha, -2 * cos, 1 - alpha]);
  }

  /** The filter goes on where the samples before have left it. */
  run(samples) {
    const [b0, b1, b2] = this.b;
    const [a1, a2] = this.a;
    const out = new Float32Array(samples.length);
    for (let n = 0; n < samples.length; n += 1) {
      const x = samples[n];
      const y = b0 * x + this.first;
      this.first = b1 * x - a1 * y + this.second;
      this.second = b2 * x - a2 * y;
      out[n] = y;
    }
    return out;
  }
}

function design(hz, rate) {
  const w = (2 * Math.PI * hz) / rate;
  return { cos: Math.cos(w), alpha: Math.sin(w) * Math.SQRT1_2 };
}

/** Mean power in dB of full scale, −100 for silence. */
export function levelOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(Math.max(1e-10, sum / Math.max(1, samples.length)));
}
