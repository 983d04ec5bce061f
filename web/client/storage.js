// Keeps a session's state over a reload: a bounded JSON copy in a Web Storage area. A full, absent
// or forbidden storage is no error; the session then simply does not outlive its page.

import { initialState } from './protocol.js';

const kVersion = 1;
export const kMaxStoredTurns = 30;
export const kMaxStoredBytes = 2_000_000;

/** Loads a state saved under `key`; null when there is none that this version can read. */
export function loadState(storage, key) {
  try {
    const saved = JSON.parse(storage.getItem(key));
    if (saved?.version !== kVersion || !Array.isArray(saved.state?.order)) return null;
    return { ...initialState(), ...saved.state };
  } catch {
    return null;
  }
}

/** Saves the newest turns of `state`; gives up quietly when even few of them do not fit. */
export function saveState(storage, key, state) {
  for (let keep = kMaxStoredTurns; keep >= 1; keep = Math.floor(keep / 2)) {
    const text = JSON.stringify({ version: kVersion, state: newest(state, keep) });
    if (text.length > kMaxStoredBytes) continue;
    try {
      storage.setItem(key, text);
      return;
    } catch {
      // Quota: try again with fewer turns.
    }
  }
}

export function clearState(storage, key) {
  try {
    storage.removeItem(key);
  } catch {
    // A storage that cannot be written holds nothing to remove.
  }
}

function newest(state, keep) {
  if (state.order.length <= keep) return state;
  const order = state.order.slice(-keep);
  const turns = Object.fromEntries(order.map((key) => [key, state.turns[key]]));
  const byTurnId = Object.fromEntries(Object.entries(state.byTurnId).filter(([, key]) => turns[key]));
  return { ...state, order, turns, byTurnId };
}
