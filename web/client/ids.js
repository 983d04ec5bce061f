// Event ids ("<epoch>-<seq>") and message ids. Owns their order and their making; knows nothing of
// events or connections.

/** The id before every event: "nothing received yet". */
export const kNoId = '0-0';

const kIdPattern = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/;

/** Parses "<epoch>-<seq>" into two integers; null when the text is no id. */
export function parseId(text) {
  const match = typeof text === 'string' ? kIdPattern.exec(text) : null;
  return match ? { epoch: Number(match[1]), seq: Number(match[2]) } : null;
}

/** Orders two ids as integers, epoch first: negative, zero or positive. Bad ids sort first. */
export function compareIds(a, b) {
  const left = parseId(a) ?? { epoch: -1, seq: -1 };
  const right = parseId(b) ?? { epoch: -1, seq: -1 };
  return left.epoch - right.epoch || left.seq - right.seq;
}

/** A new idempotency key: 122 random bits. Works on plain http pages too, where randomUUID is absent. */
export function newMessageId(crypto = globalThis.crypto) {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
