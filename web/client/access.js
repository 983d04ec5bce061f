// Access tokens for a gateway that asks for them: got from the embedder before each attempt to connect,
// and again before the connection's token ends. Keeps none, knows no socket.

/** A token is renewed so long before its end, or after half of its time when that is later. */
export const kRenewBeforeMs = 60_000;
export const kMinRenewMs = 1_000;
const kMaxTimerMs = 2 ** 31 - 1;

export class Access {
  /**
   * @param {object} options
   * @param {() => (string|null|Promise<string|null>)} options.accessToken where tokens come from
   * @param {(token: string) => void} options.onRenewed a token for the open connection
   */
  constructor({ accessToken, onRenewed, env }) {
    this.accessToken = accessToken;
    this.onRenewed = onRenewed;
    this.env = env;
    this.timer = undefined;
    this.generation = 0;
  }

  /** A token, or null: what cannot be had does not keep the client from asking the server. */
  async token() {
    try {
      return (await this.accessToken()) || null;
    } catch {
      return null;
    }
  }

  /** The server has said how long the connection's token holds. */
  granted(frame) {
    this.stop();
    const left = Number(frame.token_expires_in_ms);
    if (Number.isFinite(left) && left > 0) this.arm(Math.max(left - kRenewBeforeMs, left / 2), left);
  }

  stop() {
    this.generation += 1;
    if (this.timer !== undefined) this.env.clearTimeout(this.timer);
    this.timer = undefined;
  }

  // When no new token is to be had, half of the rest is waited again; at the end the server closes.
  arm(delay, left) {
    if (delay < kMinRenewMs || delay > kMaxTimerMs) return;
    const { generation } = this;
    this.timer = this.env.setTimeout(async () => {
      this.timer = undefined;
      const token = await this.token();
      if (generation !== this.generation) return;
      if (token) this.onRenewed(token);
      this.arm((left - delay) / 2, left - delay);
    }, delay);
  }
}
