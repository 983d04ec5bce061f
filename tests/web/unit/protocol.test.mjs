// The reducer: every event type of the wire protocol, and that the state depends on the events
// alone, however often they are repeated, cut, replayed or saved in between.

import assert from 'node:assert/strict';
import test from 'node:test';
import { initialState, pendingTurns, reduce, activeTurn, turnList, kMaxTurns } from '../../../web/client/protocol.js';
import { answerEvents, kAnswer, kChart, stamp } from '../scenario.mjs';

const kAt = 1_000_500;
const kGreeting = { type: 'connected', session_id: 's1', v: 2, resume_token: 'tok', recovered: false, max_frame_bytes: 65536 };

function freeze(value) {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

// Every state is frozen first: a reducer that writes into it fails the test.
const step = (state, action) => reduce(freeze(state), freeze({ at: kAt, ...action }));
const feed = (state, events) => events.reduce((next, event) => step(next, { type: 'event', event }), state);
const ask = (state, messageId, question = 'How much?') =>
  step(step(state, { type: 'ask', messageId, question }), { type: 'sent', key: messageId });
const asked = (messageId = 'm1') => ask(feed(initialState(), [kGreeting]), messageId);
const running = () => feed(asked(), stamp([{ type: 'turn_start', attempt: 1 }], { messageId: 'm1' }));
const only = (state) => {
  assert.equal(state.order.length, 1);
  return turnList(state)[0];
};
const after = (event, state = running()) => only(feed(state, stamp([event], { from: 50 })));

// One row per event type of the protocol (voice belongs to another part and must be ignored).
const kTable = {
  connected: () => {
    const state = feed(initialState(), [{ ...kGreeting, features: ['x'] }]);
    assert.deepEqual([state.session.id, state.session.resumeToken, state.session.maxFrameBytes], ['s1', 'tok', 65536]);
  },
  turn_start: () => {
    const turn = only(running());
    assert.deepEqual([turn.turnId, turn.status, turn.question], ['t1', 'phases', 'How much?']);
  },
  queued: () => {
    const turn = after({ type: 'queued', position: 3, waited_ms: 900 });
    assert.deepEqual([turn.status, turn.queuePosition], ['queued', 3]);
  },
  phase_start: () => {
    const [phase] = after({ type: 'phase_start', phase: 'routing', message: 'Analyzing', index: 1, total: 4 }).phases;
    assert.deepEqual([phase.id, phase.status, phase.index, phase.total], ['routing', 'running', 1, 4]);
  },
  phase_complete: () => {
    for (const status of ['ok', 'degraded', 'skipped', 'error']) {
      const [phase] = after({ type: 'phase_complete', phase: 'merge', data: { insights_count: 2 }, status, duration_ms: 7 }).phases;
      assert.deepEqual([phase.status, phase.durationMs, phase.data.insights_count], [status, 7, 2]);
    }
  },
  tool_start: () => {
    const [tool] = after({ type: 'tool_start', tool: 'bigquery#2', message: 'Querying', call_id: 'c', name: 'bigquery', args: { a: 1 } }).tools;
    assert.deepEqual([tool.id, tool.tool, tool.name, tool.status], ['c', 'bigquery#2', 'bigquery', 'running']);
  },
  tool_progress: () => {
    const state = feed(running(), stamp([{ type: 'tool_start', tool: 'x', call_id: 'c', message: '' }], { from: 20 }));
    assert.deepEqual(after({ type: 'tool_progress', call_id: 'c', message: 'half', done: 1, total: 2 }, state).tools[0].progress, { message: 'half', done: 1, total: 2 });
  },
  tool_complete: () => {
    for (const status of ['ok', 'error', 'timeout', 'cancelled', 'skipped']) {
      const state = feed(running(), stamp([{ type: 'tool_start', tool: 'x', call_id: 'c', message: '' }], { from: 20 }));
      const turn = after({ type: 'tool_complete', tool: 'x', call_id: 'c', summary: 's', status, duration_ms: 5, attempts: 2, rows: 9, preview: [1], error: { code: 'e' } }, state);
      const [tool] = turn.tools;
      assert.deepEqual([turn.tools.length, tool.status, tool.durationMs, tool.attempts, tool.rows, tool.error.code], [1, status, 5, 2, 9, 'e']);
    }
  },
  sources: () => assert.equal(after({ type: 'sources', sources: [{ id: 'a' }] }).sources[0].id, 'a'),
  chart: () => {
    const state = feed(running(), stamp([kChart], { from: 20 }));
    const turn = after({ ...kChart, title: 'again' }, state);
    assert.deepEqual([turn.charts.length, turn.charts[0].title, turn.charts[0].rows.length], [1, 'again', kChart.rows.length]);
  },
  text_chunk: () => {
    const turn = after({ type: 'text_chunk', content: 'Hi', offset: 0 });
    assert.deepEqual([turn.text, turn.status, turn.incomplete], ['Hi', 'streaming', false]);
    assert.equal(after({ type: 'text_chunk', content: 'x', offset: 9 }).incomplete, true);
    const overlap = feed(running(), stamp([{ type: 'text_chunk', content: 'Hello', offset: 0 }], { from: 20 }));
    assert.equal(after({ type: 'text_chunk', content: 'llo!', offset: 2 }, overlap).text, 'Hello!');
  },
  text_snapshot: () => {
    const state = feed(running(), stamp([{ type: 'text_chunk', content: 'old', offset: 0 }], { from: 20 }));
    const turn = after({ type: 'text_snapshot', content: 'new', phases: [{ phase: 'routing', message: 'm', status: 'ok', duration_ms: 4 }, { phase: 'response', message: 'm' }], tools: [{ tool: 'x', summary: 's', status: 'timeout' }], sources: [{ id: 'q' }], charts: [kChart] }, state);
    assert.deepEqual([turn.text, turn.sources.length, turn.charts.length], ['new', 1, 1]);
    assert.deepEqual(turn.phases.map((phase) => phase.status), ['ok', 'running']);
    assert.deepEqual([turn.tools[0].status, turn.tools[0].durationMs], ['timeout', null]);
  },
  usage: () => assert.deepEqual(after({ type: 'usage', provider: 'p', model: 'm', output_tokens: 3 }).usage, { provider: 'p', model: 'm', output_tokens: 3 }),
  response_complete: () => {
    for (const [status, expected] of Object.entries({ ok: 'done', partial: 'partial', cancelled: 'cancelled', error: 'error' })) {
      const state = feed(running(), stamp([{ type: 'phase_start', phase: 'response', message: '' }, { type: 'tool_start', tool: 'x', message: '' }, { type: 'text_chunk', content: 'abc', offset: 0 }], { from: 20 }));
      const turn = after({ type: 'response_complete', sources: [], status, text_length: 3, timings: { total_ms: 9, phases: { response: 6 } } }, state);
      assert.deepEqual([turn.status, turn.incomplete, turn.timings.total_ms, turn.phases[0].durationMs], [expected, false, 9, 6]);
      assert.ok([...turn.phases, ...turn.tools].every((entry) => entry.status !== 'running'), 'no spinner outlives the turn');
    }
    assert.equal(after({ type: 'response_complete', status: 'ok', text_length: 4 }).incomplete, true);
  },
  error: () => {
    const turn = after({ type: 'error', message: 'No.', code: 'provider', fatal: false, retry_after_ms: 5, trace_id: 'tr' });
    assert.deepEqual([turn.error, turn.traceId, turn.status], [{ code: 'provider', message: 'No.', retryAfterMs: 5 }, 'tr', 'phases']);
    assert.equal(after({ type: 'response_complete' }, feed(running(), stamp([{ type: 'error', message: 'x' }], { from: 20 }))).status, 'error');
  },
  cancelled: () => {
    const turn = after({ type: 'cancelled', by: 'timeout' });
    assert.deepEqual([turn.cancelledBy, turn.status], ['timeout', 'phases']);
  },
  attempt: () => assert.equal(after({ type: 'attempt', attempt: 2, prev: '1-9' }).attempt, 2),
  going_away: () => assert.equal(feed(running(), [{ type: 'going_away', reconnect_in_ms: 5 }]).lastId, '1-1'),
  pong: () => {
    const state = running();
    assert.equal(feed(state, [{ type: 'pong', t: 1 }]), state);
  },
};

for (const [type, check] of Object.entries(kTable)) test(`event ${type}`, check);

test('unknown and voice events change nothing but the last id', () => {
  for (const type of ['voice_ready', 'speech_started', 'speech_stopped', 'transcript', 'tts_start', 'tts_end', 'tts_cancelled', 'constructor', '__proto__', 'future']) {
    const before = running();
    const state = feed(before, stamp([{ type, text: 'x' }], { from: 60 }));
    assert.equal(state.lastId, '1-60', type);
    assert.equal(state.turns, before.turns, type);
  }
});

const kWhole = stamp(answerEvents(), { messageId: 'm1' });
const kFinal = feed(asked(), kWhole);

test('a whole answer', () => {
  const turn = only(kFinal);
  assert.equal(turn.status, 'done');
  assert.equal(turn.text, kAnswer.join(''));
  assert.deepEqual([turn.phases.length, turn.tools.length, turn.sources.length, turn.charts.length], [4, 4, 3, 1]);
  assert.ok([...turn.phases, ...turn.tools].every((entry) => entry.status === 'ok' && entry.durationMs >= 0));
  assert.equal(turn.incomplete, false);
});

test('repeated, replayed and late events change nothing', () => {
  assert.deepEqual(feed(asked(), kWhole.flatMap((event) => [event, event])), kFinal);
  for (let cut = 0; cut <= kWhole.length; cut += 1) {
    const half = feed(asked(), kWhole.slice(0, cut));
    assert.deepEqual(feed(half, kWhole), kFinal, `replayed from the start after ${cut}`);
    assert.deepEqual(feed(feed(half, [{ ...kGreeting, recovered: true }]), kWhole.slice(Math.max(0, cut - 3))).turns, kFinal.turns, `resumed after ${cut}`);
    assert.equal(feed(half, kWhole.slice(0, cut).reverse()), half, `all old after ${cut}`);
  }
});

test('a state saved and loaded at any point goes on as before', () => {
  for (let cut = 0; cut <= kWhole.length; cut += 1) {
    const saved = JSON.parse(JSON.stringify(feed(asked(), kWhole.slice(0, cut))));
    assert.deepEqual(JSON.parse(JSON.stringify(feed(saved, kWhole.slice(cut)))), JSON.parse(JSON.stringify(kFinal)), `cut at ${cut}`);
  }
});

test('ids are compared as integers, epoch first', () => {
  const chunk = (id, content, offset) => ({ type: 'text_chunk', turn_id: 't1', id, content, offset });
  const state = feed(running(), [chunk('9-10', 'a', 0), chunk('9-9', 'X', 1), chunk('10-0', 'b', 1), chunk('9-11', 'X', 2), chunk('10-2', 'c', 2), chunk('10-10', 'd', 3), chunk('10-3', 'X', 4)]);
  assert.equal(only(state).text, 'abcd');
  assert.equal(state.lastId, '10-10');
});

test('a takeover goes on where the text stood', () => {
  const half = feed(asked(), kWhole.slice(0, -4));
  const rest = [{ type: 'attempt', attempt: 2, prev: half.lastId }, ...answerEvents().slice(-4)];
  const turn = only(feed(half, stamp(rest, { epoch: 2, from: 1 })));
  assert.deepEqual([turn.text, turn.attempt, turn.status], [kAnswer.join(''), 2, 'done']);
});

test('serial turns and their message ids', () => {
  let state = ask(ask(asked('m1'), 'm2', 'second'), 'm3', 'third');
  assert.deepEqual(pendingTurns(state).map((turn) => turn.key), ['m1', 'm2', 'm3']);
  state = feed(state, stamp(answerEvents({ chunks: ['one'] }), { messageId: 'm1', turnId: 'a' }));
  assert.equal(activeTurn(state).key, 'm2');
  state = feed(state, stamp(answerEvents({ chunks: ['two'] }), { messageId: 'm2', turnId: 'b', from: 100 }));
  state = feed(state, stamp(answerEvents({ chunks: ['three'] }), { messageId: 'm3', turnId: 'c', from: 200 }));
  assert.deepEqual(turnList(state).map((turn) => [turn.key, turn.text, turn.status]), [['m1', 'one', 'done'], ['m2', 'two', 'done'], ['m3', 'three', 'done']]);
  assert.equal(activeTurn(state), null);
});

test('a question of another window is a turn of its own', () => {
  const state = feed(asked('m1'), stamp(answerEvents({ chunks: ['other'] }), { messageId: 'theirs', turnId: 'x' }));
  assert.deepEqual(turnList(state).map((turn) => [turn.key, turn.question, turn.status]), [['m1', 'How much?', 'sending'], ['x', null, 'done']]);
});

test('events before the acknowledgement are not lost', () => {
  const early = stamp([{ type: 'queued', position: 1 }], { turnId: 'q' });
  const withOwn = feed(asked('m1'), early);
  assert.deepEqual(turnList(withOwn).map((turn) => [turn.key, turn.turnId, turn.status]), [['m1', 'q', 'queued']]);
  const foreign = feed(feed(initialState(), [kGreeting]), early);
  const claimed = feed(ask(foreign, 'm1'), stamp([{ type: 'turn_start' }], { turnId: 'q', messageId: 'm1', from: 2 }));
  assert.deepEqual(turnList(claimed).map((turn) => [turn.key, turn.turnId]), [['m1', 'q']]);
});

test('a server that names no turns (v1) is understood', () => {
  const events = answerEvents().map(({ type, phase, message, data, tool, summary, content, sources }) => ({ type, phase, message, data, tool, summary, content, sources }));
  const plain = () => ask(feed(initialState(), [{ type: 'connected', session_id: 's1' }]), 'm1');
  const turn = only(feed(plain(), events.filter((event) => !['turn_start', 'usage', 'sources', 'chart'].includes(event.type))));
  assert.deepEqual([turn.status, turn.text, turn.tools.length], ['done', kAnswer.join(''), 4]);
  const failed = only(feed(plain(), [{ type: 'tool_start', tool: 'x', message: '' }, { type: 'tool_complete', tool: 'x', summary: 'Error: down' }]));
  assert.equal(failed.tools[0].status, 'error');
});

test('an error without a turn answers the waiting question, else it is a notice', () => {
  const refused = only(feed(asked(), [{ type: 'error', message: 'Slow down', code: 'rate_limited', retry_after_ms: 900 }]));
  assert.deepEqual([refused.status, refused.error.code, refused.error.retryAfterMs], ['error', 'rate_limited', 900]);
  const state = feed(running(), [{ type: 'error', message: 'Bad', code: 'bad_json' }]);
  assert.deepEqual([only(state).status, state.notice.code], ['phases', 'bad_json']);
});

test('what the gateway itself says about a question', () => {
  const apology = [{ type: 'error', message: 'The service is busy.', code: 'busy', fatal: false, retry_after_ms: 500 }, { type: 'text_chunk', content: 'I encountered an issue: The service is busy.', offset: 0 }, { type: 'response_complete', sources: [], status: 'error', text_length: 44 }];
  const both = feed(ask(running(), 'm2'), apology);
  assert.deepEqual(turnList(both).map((turn) => [turn.key, turn.status, turn.text]), [['m1', 'phases', ''], ['m2', 'error', '']], 'the running answer is not touched');
  const waiting = feed(asked(), [{ type: 'queued', waited_ms: 900 }]);
  assert.deepEqual([only(waiting).status, only(waiting).queuePosition], ['queued', null]);
  assert.equal(only(step(waiting, { type: 'unsent' })).status, 'waiting', 'sent again after a reconnect');
  assert.equal(only(feed(waiting, stamp([{ type: 'turn_start' }], { messageId: 'm1' }))).status, 'phases');
  assert.equal(only(feed(running(), [{ type: 'queued', waited_ms: 1 }])).status, 'phases');
});

test('what the worker says about other things is no answer to a question', () => {
  const feedbackRefused = { type: 'error', message: 'No such turn.', code: 'bad_request', fatal: false, id: '1-70', ts: 1 };
  const state = feed(asked(), [feedbackRefused]);
  assert.deepEqual([only(state).status, state.notice.code], ['sending', 'bad_request']);
  assert.equal(only(feed(asked(), [{ ...feedbackRefused, message_id: 'm1' }])).status, 'error');
  for (const type of ['cancelled', 'response_complete', 'usage', 'error']) {
    const event = { type, turn_id: 'unknown', id: '1-71', message_id: 'theirs' };
    assert.equal(feed(running(), [event]).order.length, 1, `${type} shows no unknown turn`);
  }
});

test('cancelling', () => {
  const unsent = step(initialState(), { type: 'ask', messageId: 'm1', question: 'q' });
  assert.equal(only(step(unsent, { type: 'cancel', key: 'm1' })).status, 'cancelled');
  const sent = step(running(), { type: 'cancel', key: 'm1' });
  assert.deepEqual([only(sent).status, only(sent).cancelRequested], ['phases', true]);
  const stopped = only(feed(sent, stamp([{ type: 'cancelled', by: 'user' }, { type: 'text_chunk', content: 'Stopped.', offset: 0 }, { type: 'response_complete', status: 'cancelled', text_length: 8 }], { from: 9 })));
  assert.deepEqual([stopped.status, stopped.cancelRequested, stopped.cancelledBy], ['cancelled', false, 'user']);
  const idle = feed(step(asked(), { type: 'cancel', key: 'm1' }), [{ type: 'cancelled', by: 'user' }]);
  assert.equal(only(idle).status, 'cancelled', 'acknowledged although nothing ran');
  assert.equal(only(step(sent, { type: 'giveUp', key: 'm1' })).status, 'cancelled');
});

test('a lost session ends its running turn and keeps unsent questions', () => {
  const state = feed(ask(feed(asked('m1'), kWhole.slice(0, -4)), 'm2'), [{ ...kGreeting, session_id: 's2' }]);
  const [first, second] = turnList(state);
  assert.deepEqual([first.status, first.error.code, first.archived], ['partial', 'connection_lost', true]);
  assert.deepEqual([second.status, second.archived], ['sending', false]);
  assert.equal(state.lastId, '0-0');
  assert.equal(step(state, { type: 'unsent' }).turns.m2.status, 'waiting');
});

test('a long gap: the snapshot of the running turn takes its place, the turns before stay as they are', () => {
  const first = stamp([
    { type: 'turn_start', attempt: 1 },
    { type: 'text_chunk', content: 'older', offset: 0 },
    { type: 'response_complete', sources: [], status: 'ok', text_length: 5 },
  ], { messageId: 'm1', turnId: 't1', from: 1 });
  const second = stamp([
    { type: 'turn_start', attempt: 1 },
    { type: 'phase_start', phase: 'response', message: 'm' },
    { type: 'text_chunk', content: 'begun ', offset: 0 },
  ], { messageId: 'm2', turnId: 't2', from: 4 });
  const before = feed(ask(feed(asked('m1'), first), 'm2'), second);
  const snapshot = { type: 'text_snapshot', message_id: 'm2', content: 'begun and far on', text_length: 16, phases: [{ phase: 'response', message: 'm' }], tools: [], sources: [], charts: [] };
  const tail = [
    { type: 'text_chunk', content: ', done', offset: 16 },
    { type: 'response_complete', sources: [], status: 'ok', text_length: 22 },
  ];
  const behind = stamp([snapshot, ...tail], { turnId: 't2', from: 2000 });
  const after = feed(feed(before, [{ ...kGreeting, recovered: true }]), behind);
  const [old, now] = turnList(after);
  assert.equal(after.order.length, 2);
  assert.equal(old, turnList(before)[0], 'untouched');
  assert.deepEqual([now.text, now.status, now.incomplete, now.uncertain], ['begun and far on, done', 'done', false, false]);
  assert.equal(feed(after, behind), after, 'a repetition changes nothing');
  // One that was asked elsewhere, or before a reload that kept nothing.
  const fresh = feed(feed(initialState(), [{ ...kGreeting, recovered: true }]), stamp([{ ...snapshot, question: 'How far?' }, ...tail], { turnId: 't2', from: 2000 }));
  assert.deepEqual([only(fresh).question, only(fresh).text, only(fresh).status], ['How far?', 'begun and far on, done', 'done']);
});

test('a snapshot that holds only the beginning takes nothing away', () => {
  const half = feed(running(), stamp([{ type: 'text_chunk', content: 'long answer, lon', offset: 0 }], { from: 50 }));
  const snapshot = (content) => stamp([{ type: 'text_snapshot', content, text_length: 40, status: 'ok', phases: [], tools: [], sources: [], charts: [] }], { epoch: 9, from: 3 });
  const text = (content) => {
    const turn = only(feed(half, snapshot(content)));
    return [turn.text, turn.status, turn.incomplete];
  };
  assert.deepEqual(text('long an'), ['long answer, lon', 'done', true]);
  assert.deepEqual(text('another'), ['another', 'done', true]);
  assert.deepEqual(text('long answer, longer and longer and longer'.slice(0, 40)), ['long answer, longer and longer and longe', 'done', false]);
});

test('a log that cannot be replayed: snapshot, live events, or the turn is given up', () => {
  const half = feed(feed(asked('m1'), kWhole.slice(0, -6)), [{ ...kGreeting, recovered: false }]);
  assert.deepEqual([only(half).uncertain, half.lastId], [true, '0-0']);
  const snapshot = { type: 'text_snapshot', content: kAnswer.join(''), status: 'ok', text_length: kAnswer.join('').length, phases: [], tools: [], sources: [], charts: [] };
  const healed = only(feed(half, stamp([snapshot], { epoch: 1, from: 3 })));
  assert.deepEqual([healed.status, healed.text, healed.uncertain, healed.incomplete], ['done', kAnswer.join(''), false, false]);
  const live = only(feed(half, stamp([{ type: 'phase_start', phase: 'merge', message: '' }], { epoch: 2 })));
  assert.equal(live.uncertain, false);
  assert.equal(only(step(half, { type: 'lose' })).status, 'partial');
  const beforeText = feed(running(), [{ ...kGreeting, recovered: false }]);
  assert.equal(only(step(beforeText, { type: 'lose' })).status, 'error');
});

test('a finished turn changes no more', () => {
  const late = feed(kFinal, stamp([{ type: 'text_chunk', content: 'more', offset: 0 }, { type: 'error', message: 'x' }], { from: 900 }));
  assert.deepEqual(late.turns, kFinal.turns);
});

test('server times are brought to the local clock', () => {
  const events = stamp([{ type: 'phase_start', phase: 'merge', message: '' }], { from: 5, ts: 5_000_000 });
  const first = reduce(running(), { type: 'event', event: events[0], at: 1_000_600 });
  assert.equal(first.clockSkewMs <= 1_000_600 - 5_000_000, true);
  assert.equal(only(first).phases[0].startedAt <= 1_000_600, true);
});

test('the number of kept turns is bounded', () => {
  let state = initialState();
  for (let index = 0; index < kMaxTurns + 25; index += 1) {
    state = reduce(state, { type: 'ask', messageId: `m${index}`, question: 'q', at: 0 });
    state = reduce(state, { type: 'cancel', key: `m${index}`, at: 0 });
  }
  assert.equal(state.order.length, kMaxTurns);
  assert.equal(Object.keys(state.turns).length, kMaxTurns);
});

test('fields of a wrong kind never throw', () => {
  const wrong = [null, 7, -1, '', 'x', true, [], [null], {}, { status: 'ok' }, '__proto__', 'constructor'];
  const events = [...new Map(kWhole.map((event) => [event.type, event])).values(), ...stamp([{ type: 'text_snapshot', content: '', phases: [], tools: [], sources: [], charts: [], status: 'ok' }, { type: 'tool_progress', call_id: 'c' }, { type: 'queued' }, { type: 'attempt' }, { type: 'cancelled' }, { type: 'error', message: '' }])];
  let tried = 0;
  for (const event of events) {
    for (const field of Object.keys(event)) {
      if (field === 'type') continue;
      for (const value of wrong) {
        for (const state of [asked(), running(), kFinal]) {
          const next = reduce(state, { type: 'event', at: kAt, event: { ...event, id: '3-1', [field]: value } });
          assert.ok(turnList(next).every((turn) => typeof turn.text === 'string' && typeof turn.status === 'string'), `${event.type}.${field}`);
          tried += 1;
        }
      }
    }
  }
  assert.ok(tried > 1000);
});
