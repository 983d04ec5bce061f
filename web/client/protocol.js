// The session as the client sees it: a pure reducer from gateway events and user actions to one
// plain, JSON-serialisable state. Replaying the same events gives the same state; the clock comes
// in with each action (`at`, ms). No I/O, no timers, no DOM.

import { compareIds, kNoId, parseId } from './ids.js';
import { applyToTurn, asLost, asRefused, isPending, isTerminal, isTurnEvent, newTurn } from './turn.js';

export { isPending, isTerminal } from './turn.js';

/** Finished turns kept beyond this number are forgotten, oldest first. */
export const kMaxTurns = 200;

/**
 * State: `session` (id, resumeToken, features …, or null), `lastId` (last event applied), `order`
 * (turn keys, oldest first), `turns` (key → turn), `byTurnId` (server's turn_id → key), `clockSkewMs`
 * (smallest seen difference local − server), `notice` (last error that belongs to no turn, or null).
 */
export function initialState() {
  return {
    session: null,
    lastId: kNoId,
    order: [],
    turns: {},
    byTurnId: {},
    clockSkewMs: null,
    notice: null,
  };
}

/** The turn the server works on or will work on next; null when nothing is open. */
export function activeTurn(state) {
  const key = state.order.find((entry) => !isTerminal(state.turns[entry]));
  return key === undefined ? null : state.turns[key];
}

export const turnList = (state) => state.order.map((key) => state.turns[key]);
const isUnanswered = (turn) => isPending(turn) && turn.status !== 'waiting';
export const pendingTurns = (state) => turnList(state).filter(isPending);

function withTurn(state, turn) {
  const known = Object.hasOwn(state.turns, turn.key);
  const next = {
    ...state,
    turns: { ...state.turns, [turn.key]: turn },
    order: known ? state.order : [...state.order, turn.key],
  };
  if (turn.turnId !== null && state.byTurnId[turn.turnId] !== turn.key) {
    next.byTurnId = { ...state.byTurnId, [turn.turnId]: turn.key };
  }
  return known ? next : forgetOldest(next);
}

function withoutTurn(state, key) {
  const { [key]: gone, ...turns } = state.turns;
  const byTurnId = { ...state.byTurnId };
  if (gone?.turnId) delete byTurnId[gone.turnId];
  return { ...state, turns, byTurnId, order: state.order.filter((entry) => entry !== key) };
}

function forgetOldest(state) {
  if (state.order.length <= kMaxTurns) return state;
  const key = state.order.find((entry) => isTerminal(state.turns[entry]));
  return key === undefined ? state : withoutTurn(state, key);
}

function mapTurns(state, change) {
  let next = state;
  for (const key of state.order) {
    const turn = change(state.turns[key]);
    if (turn !== state.turns[key]) next = withTurn(next, turn);
  }
  return next;
}

// A new session, or one whose log no longer holds what we miss: what was running may have ended.
function connected(state, event, at) {
  const same = state.session?.id === event.session_id;
  const session = {
    id: event.session_id ?? null,
    resumeToken: event.resume_token ?? (same ? state.session.resumeToken : null),
    version: event.v ?? 1,
    recovered: event.recovered === true,
    heartbeatMs: event.heartbeat_ms ?? null,
    maxFrameBytes: event.max_frame_bytes ?? null,
    features: event.features ?? [],
  };
  const next = { ...state, session, notice: null };
  if (same && event.recovered === true) return next;
  next.lastId = kNoId;
  return mapTurns(next, (turn) => {
    if (isPending(turn)) return turn;
    if (!same) return { ...asLost(turn, at), archived: true };
    return isTerminal(turn) ? turn : { ...turn, uncertain: true };
  });
}

// The turn of an event that names none. Turns are strictly serial, so it is the oldest open one that
// has been sent; a stop, the one that was asked to stop; a wait, one not begun yet.
function namelessTurn(state, event) {
  const open = turnList(state).filter((turn) => !isTerminal(turn) && turn.status !== 'waiting');
  if (event.type === 'queued') return open.find(isUnanswered) ?? null;
  const stopped = event.type === 'cancelled' ? open.find((turn) => turn.cancelRequested) : undefined;
  if (state.session?.version >= 2) return stopped ?? null;
  return stopped ?? open[0] ?? null;
}

// Finds the turn of an event. Order of trust: our own message_id, the event's turn_id, and for an
// event of an unknown turn that names no message: the oldest question still unacknowledged.
function findTurn(state, event) {
  const own = event.message_id ? turnList(state).find((turn) => turn.messageId === event.message_id) : undefined;
  if (own && own.turnId === null) return own;
  if (!event.turn_id) return namelessTurn(state, event);
  if (Object.hasOwn(state.byTurnId, event.turn_id)) return state.turns[state.byTurnId[event.turn_id]];
  if (event.message_id) return null;
  return turnList(state).find(isUnanswered) ?? null;
}

// These end a turn or speak of one that runs: no reason to show one that was never heard of.
const kClosing = new Set(['cancelled', 'error', 'usage', 'response_complete', 'voice_metrics']);

function bindTurn(state, event, at) {
  let next = state;
  let turn = findTurn(state, event);
  if (turn === null) {
    if (!event.turn_id || kClosing.has(event.type)) return null;
    turn = newTurn({ key: event.turn_id, messageId: event.message_id ?? null, at });
  }
  if (event.turn_id && turn.turnId !== event.turn_id) {
    // A placeholder made from an earlier event without message_id gives way to the question itself.
    const placeholder = Object.hasOwn(state.byTurnId, event.turn_id) ? state.byTurnId[event.turn_id] : turn.key;
    if (placeholder !== turn.key) {
      const { turnId, phases, tools, status, queuePosition } = state.turns[placeholder];
      next = withoutTurn(next, placeholder);
      turn = { ...turn, turnId, phases, tools, status, queuePosition };
    } else {
      turn = { ...turn, turnId: event.turn_id };
    }
  }
  return { state: next, turn };
}

// Of a microphone, not of a question: voice_state.js takes them.
const kVoiceErrors = new Set(['voice_unavailable', 'bad_format', 'audio_overrun', 'voice_lost']);

// An error without a turn. It refuses the question it names; from the gateway itself, which names
// none and whose events have no id, the one still waiting for its acknowledgement.
function sessionError(state, event, at) {
  if (kVoiceErrors.has(event.code)) return state;
  const error = {
    code: event.code ?? 'error',
    message: event.message ?? '',
    retryAfterMs: event.retry_after_ms ?? null,
    traceId: event.trace_id ?? null,
  };
  const isRefused = event.message_id ? (turn) => turn.messageId === event.message_id && isPending(turn) : isUnanswered;
  const refused = event.message_id || !event.id ? turnList(state).find(isRefused) : undefined;
  if (refused) return withTurn(state, asRefused(refused, 'error', error, at));
  return { ...state, notice: { ...error, at } };
}

function serverTime(state, event, at) {
  if (!Number.isFinite(event.ts)) return [state, at];
  const skew = Math.min(state.clockSkewMs ?? Infinity, at - event.ts);
  const next = skew === state.clockSkewMs ? state : { ...state, clockSkewMs: skew };
  return [next, Math.min(at, event.ts + skew)];
}

function reduceEvent(state, event, at) {
  if (event.type === 'connected') return connected(state, event, at);
  if (parseId(event.id)) {
    if (compareIds(event.id, state.lastId) <= 0) return state;
    state = { ...state, lastId: event.id };
  }
  if (event.type === 'error' && !event.turn_id) return sessionError(state, event, at);
  if (!isTurnEvent(event.type)) return state;
  const [timed, when] = serverTime(state, event, at);
  const bound = bindTurn(timed, event, at);
  if (bound === null) return timed;
  return withTurn(bound.state, applyToTurn(bound.turn, event, when));
}

function change(state, key, update) {
  const turn = state.turns[key];
  return turn ? withTurn(state, update(turn)) : state;
}

const kActions = {
  event: (state, { event, at }) => reduceEvent(state, event, at),
  ask: (state, { messageId, question, at, parentTurnId = null, context }) =>
    withTurn(state, newTurn({ key: messageId, messageId, question, at, parentTurnId, context })),
  sent: (state, { key }) =>
    change(state, key, (turn) => (turn.status === 'waiting' ? { ...turn, status: 'sending' } : turn)),
  unsent: (state) =>
    mapTurns(state, (turn) => (isUnanswered(turn) ? { ...turn, status: 'waiting' } : turn)),
  cancel: (state, { key, at }) =>
    change(state, key, (turn) => {
      if (isTerminal(turn)) return turn;
      return turn.status === 'waiting' ? asRefused(turn, 'cancelled', null, at) : { ...turn, cancelRequested: true };
    }),
  giveUp: (state, { key, at }) =>
    change(state, key, (turn) => (isTerminal(turn) ? turn : asRefused(turn, 'cancelled', turn.error, at))),
  heard: (state, { key, ms }) =>
    change(state, key, (turn) => ({ ...turn, marks: { ...turn.marks, heardMs: turn.marks.heardMs ?? ms } })),
  rate: (state, { key, rating }) => change(state, key, (turn) => ({ ...turn, rating })),
  refuse: (state, { key, error, at }) => change(state, key, (turn) => asRefused(turn, 'error', error, at)),
  lose: (state, { at }) => mapTurns(state, (turn) => (turn.uncertain ? asLost(turn, at) : turn)),
  forgetToken: (state) => (state.session ? { ...state, session: { ...state.session, resumeToken: null } } : state),
};

/** The state after `action`; unknown actions and unknown event types change nothing. */
export function reduce(state, action) {
  const handler = Object.hasOwn(kActions, action.type) ? kActions[action.type] : null;
  return handler ? handler(state, action) : state;
}
