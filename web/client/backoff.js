// Delays between connection attempts: exponential, jittered, for ever. Pure arithmetic, no timers.

export const kFirstDelayMs = 500;
export const kMaxDelayMs = 10_000;

/**
 * Delay before attempt number `attempt` (1 = the first retry), in ms. Half of it is fixed and half
 * random, so that clients of one restarted server spread out but none returns instantly.
 */
export function retryDelayMs(attempt, random = Math.random) {
  const ceiling = Math.min(kMaxDelayMs, kFirstDelayMs * 2 ** Math.min(attempt - 1, 16));
  return Math.round(ceiling / 2 + random() * (ceiling / 2));
}
