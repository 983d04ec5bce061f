// One question and its answer as a plain, JSON-serialisable object, and the pure functions that
// apply one gateway event to it. Knows nothing of sessions, sockets or other turns.

const kTerminal = new Set(['done', 'partial', 'cancelled', 'error']);
const kTerminalStatus = { ok: 'done', partial: 'partial', cancelled: 'cancelled', error: 'error' };

const terminalState = (status) => (Object.hasOwn(kTerminalStatus, status ?? '') ? kTerminalStatus[status] : null);

/**
 * Turn states: `waiting` (not sent yet) → `sending` → `queued` → `phases` → `streaming` →
 * `done | partial | cancelled | error`.
 */
export function newTurn({ key, messageId = null, question = null, at = 0, parentTurnId = null, context }) {
  return {
    key,
    turnId: null,
    messageId,
    question,
    parentTurnId,
    context,
    status: 'waiting',
    attempt: 1,
    queuePosition: null,
    cancelRequested: false,
    uncertain: false, // the log could not be replayed; the turn may already be over
    incomplete: false, // a part of the text is known to be missing
    archived: false, // belongs to an earlier session: the server knows its turn_id no more
    phases: [],
    tools: [],
    sources: [],
    charts: [],
    text: '',
    error: null,
    cancelledBy: null,
    usage: null,
    timings: null,
    traceId: null,
    voice: null, // of a spoken question: its `voice_metrics`
    rating: 0,
    // Local times; `heardMs` is a duration: end of the spoken question → first sound of the answer.
    marks: { asked: at, started: null, firstText: null, ended: null, heardMs: null },
  };
}

export const isTerminal = (turn) => kTerminal.has(turn.status);
/** Sent or about to be sent, and not yet acknowledged by the server. */
export const isPending = (turn) => turn.turnId === null && !isTerminal(turn);

const asArray = (value) => (Array.isArray(value) ? value : []);
const asText = (value) => (typeof value === 'string' ? value : '');
const asRecord = (value) => (value && typeof value === 'object' && !Array.isArray(value) ? value : {});

// Replaces the entry for which `same` holds, or appends: a repeated start never shows twice.
function upsert(list, entry, same) {
  const index = list.findIndex(same);
  if (index < 0) return [...list, entry];
  const copy = list.slice();
  copy[index] = entry;
  return copy;
}

const elapsed = (since, at) => (since === null ? null : Math.max(0, at - since));

function phaseFromEvent(event, at) {
  return {
    id: asText(event.phase),
    message: asText(event.message),
    status: 'running',
    index: event.index ?? null,
    total: event.total ?? null,
    startedAt: at,
    durationMs: null,
    data: null,
    error: null,
  };
}

function completedPhase(phase, event, at) {
  return {
    ...phase,
    status: asText(event.status) || 'ok',
    durationMs: event.duration_ms ?? elapsed(phase.startedAt, at),
    data: event.data ?? null,
    error: event.error ?? null,
  };
}

function toolFromEvent(event, at) {
  const tool = asText(event.tool);
  return {
    id: asText(event.call_id) || tool,
    tool,
    name: asText(event.name) || tool,
    message: asText(event.message),
    status: 'running',
    args: event.args ?? null,
    progress: null,
    summary: '',
    startedAt: at,
    durationMs: null,
    attempts: 1,
    rows: null,
    truncated: false,
    preview: null,
    error: null,
  };
}

function completedTool(tool, event, at) {
  const failed = /^Error: /.test(asText(event.summary));
  return {
    ...tool,
    status: asText(event.status) || (failed ? 'error' : 'ok'),
    summary: asText(event.summary),
    durationMs: event.duration_ms ?? elapsed(tool.startedAt, at),
    attempts: event.attempts ?? tool.attempts,
    rows: event.rows ?? null,
    truncated: event.truncated === true,
    preview: event.preview ?? null,
    error: event.error ?? null,
    progress: null,
  };
}

function chartFromEvent(event) {
  return {
    id: asText(event.chart_id),
    spec: asRecord(event.spec),
    title: asText(event.title),
    rows: asArray(event.rows),
  };
}

const sameTool = (event) => (tool) =>
  event.call_id ? tool.id === event.call_id : tool.tool === event.tool && tool.status === 'running';

// Text is placed by its offset: a chunk that overlaps replaces, one that leaves a hole is noted.
function withText(turn, event, at) {
  const content = asText(event.content);
  const offset = Number.isInteger(event.offset) ? event.offset : turn.text.length;
  return {
    ...turn,
    status: 'streaming',
    text: turn.text.slice(0, offset) + content,
    incomplete: turn.incomplete || offset > turn.text.length,
    marks: { ...turn.marks, firstText: turn.marks.firstText ?? at },
  };
}

function withSnapshot(turn, event, at) {
  const phases = asArray(event.phases).map(asRecord).map((entry) =>
    entry.status && entry.status !== 'running'
      ? completedPhase(phaseFromEvent(entry, null), entry, at)
      : phaseFromEvent(entry, at),
  );
  const tools = asArray(event.tools).map(asRecord).map((entry) =>
    entry.status && entry.status !== 'running'
      ? completedTool(toolFromEvent(entry, null), entry, at)
      : toolFromEvent(entry, at),
  );
  // Of a very long answer a snapshot holds the beginning only: who has more of it keeps that.
  const content = asText(event.content);
  const isCut = Number.isInteger(event.text_length) && event.text_length > content.length;
  const text = isCut && turn.text.startsWith(content) ? turn.text : content;
  const next = {
    ...turn,
    status: text ? 'streaming' : 'phases',
    question: turn.question ?? (asText(event.question) || null),
    phases,
    tools,
    sources: asArray(event.sources),
    charts: asArray(event.charts).map(asRecord).map(chartFromEvent),
    text,
    error: event.error ?? null,
    incomplete: false,
    marks: { ...turn.marks, firstText: text ? (turn.marks.firstText ?? at) : null, ended: null },
  };
  return terminalState(event.status) ? withEnd(next, event, at) : next;
}

// Closes whatever is still open, so that no spinner outlives its turn.
function withEnd(turn, event, at) {
  const status =
    terminalState(event.status) ?? (turn.cancelledBy ? 'cancelled' : turn.error ? 'error' : 'done');
  const leftOver = { done: 'ok', partial: 'degraded', cancelled: 'cancelled', error: 'error' }[status];
  const timed = asRecord(event.timings?.phases);
  const phases = turn.phases.map((phase) =>
    phase.status === 'running'
      ? completedPhase(phase, { status: leftOver, duration_ms: timed[phase.id], data: phase.data }, at)
      : phase,
  );
  const tools = turn.tools.map((tool) =>
    tool.status === 'running' ? { ...tool, status: 'cancelled', durationMs: elapsed(tool.startedAt, at) } : tool,
  );
  const length = event.text_length;
  return {
    ...turn,
    status,
    phases,
    tools,
    sources: Array.isArray(event.sources) && event.sources.length > 0 ? event.sources : turn.sources,
    usage: event.usage ? { ...turn.usage, ...event.usage } : turn.usage,
    timings: event.timings ?? null,
    traceId: event.trace_id ?? turn.traceId,
    incomplete: Number.isInteger(length) ? length !== turn.text.length : turn.incomplete,
    uncertain: false,
    queuePosition: null,
    marks: { ...turn.marks, ended: at },
  };
}

const kHandlers = {
  turn_start: (turn, event, at) => ({
    ...turn,
    status: turn.phases.length > 0 ? turn.status : 'phases',
    question: turn.question ?? (asText(event.question) || null),
    attempt: event.attempt ?? turn.attempt,
    queuePosition: null,
    marks: { ...turn.marks, started: turn.marks.started ?? at },
  }),
  queued: (turn, event) =>
    turn.phases.length > 0 ? turn : { ...turn, status: 'queued', queuePosition: event.position ?? null },
  attempt: (turn, event) => ({ ...turn, attempt: event.attempt ?? turn.attempt + 1 }),
  phase_start: (turn, event, at) => ({
    ...turn,
    status: turn.text ? turn.status : 'phases',
    phases: upsert(turn.phases, phaseFromEvent(event, at), (phase) => phase.id === event.phase),
  }),
  phase_complete: (turn, event, at) => {
    const known = turn.phases.find((phase) => phase.id === event.phase);
    const done = completedPhase(known ?? phaseFromEvent(event, null), event, at);
    return { ...turn, phases: upsert(turn.phases, done, (phase) => phase.id === event.phase) };
  },
  tool_start: (turn, event, at) => {
    const tool = toolFromEvent(event, at);
    return { ...turn, tools: upsert(turn.tools, tool, (other) => other.id === tool.id) };
  },
  tool_progress: (turn, event) => ({
    ...turn,
    tools: turn.tools.map((tool) =>
      sameTool(event)(tool) && tool.status === 'running'
        ? { ...tool, progress: { message: asText(event.message), done: event.done ?? null, total: event.total ?? null } }
        : tool,
    ),
  }),
  tool_complete: (turn, event, at) => {
    const known = turn.tools.find(sameTool(event)) ?? toolFromEvent(event, null);
    const done = completedTool(known, event, at);
    return { ...turn, tools: upsert(turn.tools, done, (tool) => tool.id === done.id) };
  },
  sources: (turn, event) => ({ ...turn, sources: asArray(event.sources) }),
  chart: (turn, event) => {
    const chart = chartFromEvent(event);
    return { ...turn, charts: upsert(turn.charts, chart, (other) => other.id === chart.id) };
  },
  text_chunk: withText,
  text_snapshot: withSnapshot,
  usage: (turn, event) => {
    const { type, turn_id, id, ts, ...usage } = event;
    return { ...turn, usage };
  },
  voice_metrics: (turn, event) => {
    const { type, turn_id, id, ts, ...metrics } = event;
    return { ...turn, voice: metrics };
  },
  // Acknowledged although nothing ran: then no terminal event follows.
  cancelled: (turn, event, at) =>
    turn.turnId === null
      ? asRefused(turn, 'cancelled', null, at)
      : { ...turn, cancelledBy: asText(event.by) || 'user' },
  error: (turn, event) => ({
    ...turn,
    error: {
      code: asText(event.code) || 'error',
      message: asText(event.message),
      retryAfterMs: event.retry_after_ms ?? null,
    },
    traceId: event.trace_id ?? turn.traceId,
  }),
  response_complete: (turn, event, at) => ({ ...withEnd(turn, event, at), cancelRequested: false }),
};

/** True for the event types that belong to a turn. */
export const isTurnEvent = (type) => Object.hasOwn(kHandlers, type);

const kAfterEnd = new Set(['text_snapshot', 'voice_metrics']);

/** The turn after `event`; a finished turn changes no more, but by what replaces it or was measured later. */
export function applyToTurn(turn, event, at) {
  if (isTerminal(turn) && !kAfterEnd.has(event.type)) return turn;
  const next = kHandlers[event.type](turn, event, at);
  return next.uncertain ? { ...next, uncertain: false } : next;
}

/** Ends a turn of whose end nothing more will be heard: the session or its log is gone. */
export function asLost(turn, at) {
  if (isTerminal(turn)) return turn;
  const error = turn.error ?? { code: 'connection_lost', message: '', retryAfterMs: null };
  return withEnd({ ...turn, error, incomplete: true }, { status: turn.text ? 'partial' : 'error' }, at);
}

/** Ends a turn that the server refused before it began, or that was withdrawn before it was sent. */
export function asRefused(turn, status, error, at) {
  return withEnd({ ...turn, error, cancelledBy: status === 'cancelled' ? 'user' : null }, { status }, at);
}
