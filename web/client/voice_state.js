// The microphone and the spoken answer as the page shows them: a pure reducer from events of the gateway and
// of this client to one plain state. Replaying the same actions gives the same state. No I/O, no audio.

/** Of this client's earlier streams so many are still known, for transcripts that come late. */
export const kMaxOwnStreams = 4;
export const kMaxSegments = 200; // of one answer, kept for captions

/**
 * State: `mic` (`off → opening → on → stopping → off`), `mode` (`auto`, `ptt`), `streams` (ids of this
 * client's, newest last), `engine`, `hearing` (somebody speaks), `caption` (`{ utteranceId, text, final }` or
 * null), `ready` (the stream that the server hears, or null), `note` (`''`, `nothing_heard`, `overrun`, `taken`), `problem` (`{ code, message }` or null), `speech`: the
 * answer being spoken, `{ turnId, segments: [{ segment, text, kind }], current, paused }` or null; `current`
 * is the number of the segment that sounds, or null.
 */
export function initialVoice() {
  return {
    mic: 'off',
    mode: 'auto',
    streams: [],
    engine: null,
    ready: null,
    speaks: false,
    hearing: false,
    caption: null,
    note: '',
    problem: null,
    speech: null,
  };
}

export const streamOf = (state) => (state.mic === 'off' ? null : (state.streams.at(-1) ?? null));
const asText = (value) => (typeof value === 'string' ? value : '');

/** Whether an event speaks of this client's microphone; one that names no stream does. */
export const isOwn = (state, event) => event.stream_id === undefined || state.streams.includes(event.stream_id);

/** The segment that sounds, or null. */
export function spokenSegment(state) {
  const { speech } = state;
  return speech?.segments.find((entry) => entry.segment === speech.current) ?? null;
}

const off = (state) => ({ ...state, mic: 'off', hearing: false });

function transcript(state, event) {
  const text = asText(event.text);
  const final = event.is_final === true && event.speech_final !== false;
  const next = { ...state, caption: { utteranceId: event.utterance_id ?? null, text, final } };
  if (!final) return next;
  next.hearing = false;
  if (text.trim() === '') {
    next.caption = null;
    next.note = state.mode === 'ptt' ? 'nothing_heard' : '';
  }
  const isLast = state.mic === 'stopping' && (event.stream_id ?? streamOf(state)) === streamOf(state);
  return isLast ? off(next) : next;
}

function ttsStart(state, event) {
  const entry = { segment: event.segment ?? 0, text: asText(event.text), kind: event.kind ?? 'answer' };
  const same = state.speech?.turnId === event.turn_id;
  const segments = same ? state.speech.segments.filter((other) => other.segment !== entry.segment) : [];
  const speech = same ? state.speech : { turnId: event.turn_id, current: null, paused: false };
  return { ...state, speech: { ...speech, segments: [...segments, entry].slice(-kMaxSegments) } };
}

const kEndsStream = new Set(['voice_unavailable', 'bad_format']);

function failed(state, event) {
  if (event.code === 'audio_overrun') return { ...state, note: 'overrun' };
  if (!kEndsStream.has(event.code) || state.mic === 'off') return state;
  const current = event.stream_id === undefined || event.stream_id === streamOf(state);
  return current ? { ...off(state), problem: { code: event.code, message: asText(event.message) } } : state;
}

// A session has one microphone. One that was opened after ours ends it; one from before ours does not count.
function taken(state, event) {
  const isOver = event.type === 'voice_ready' && state.mic !== 'off' && state.ready === streamOf(state);
  return isOver ? { ...off(state), note: 'taken' } : state;
}

const kEvents = {
  voice_ready: (state, event) => ({ ...state, ready: event.stream_id ?? null, engine: asText(event.engine) || null, speaks: event.tts === true }),
  speech_started: (state, event) => ({
    ...state,
    hearing: true,
    note: '',
    caption: { utteranceId: event.utterance_id ?? null, text: '', final: false },
  }),
  speech_stopped: (state) => ({ ...state, hearing: false }),
  transcript,
  tts_start: ttsStart,
  tts_cancelled: (state, event) => (state.speech?.turnId === event.turn_id ? { ...state, speech: null } : state),
  error: failed,
};

const withSpeech = (state, turnId, change) =>
  state.speech?.turnId === turnId ? { ...state, speech: { ...state.speech, ...change } } : state;

const kActions = {
  event: (state, { event }) => {
    if (!Object.hasOwn(kEvents, event.type)) return state;
    return isOwn(state, event) ? kEvents[event.type](state, event) : taken(state, event);
  },
  open: (state, { streamId, mode }) => ({
    ...state,
    mic: 'opening',
    mode,
    streams: [...state.streams, streamId].slice(-kMaxOwnStreams),
    hearing: false,
    caption: null,
    note: '',
    problem: null,
  }),
  renew: (state, { streamId }) => ({ ...state, streams: [...state.streams, streamId].slice(-kMaxOwnStreams) }),
  opened: (state) => (state.mic === 'opening' ? { ...state, mic: 'on' } : state),
  stopping: (state) => (state.mic === 'off' ? state : { ...state, mic: 'stopping' }),
  off: (state, { problem = null, note = '' }) => ({ ...off(state), problem: problem ?? state.problem, note: note || state.note }),
  sounding: (state, { turnId, segment }) => withSpeech(state, turnId, { current: segment, paused: false }),
  paused: (state, { turnId, paused }) => withSpeech(state, turnId, { paused }),
  silent: (state) => (state.speech === null ? state : { ...state, speech: null }),
  reset: () => initialVoice(),
  dismiss: (state) => ({ ...state, problem: null, note: '' }),
};

/** The state after `action`; unknown actions and events change nothing. */
export function reduceVoice(state, action) {
  const handler = Object.hasOwn(kActions, action.type) ? kActions[action.type] : null;
  return handler ? handler(state, action) : state;
}
