// The client: questions are asked exactly once in effect, whatever the connection does; the session
// outlives a reload; nothing waits for ever.

import assert from 'node:assert/strict';
import test from 'node:test';
import { kCancelTimeoutMs, kMaxUnsentQuestions, kUncertainTurnMs, MrClient } from '../../../web/client/client.js';
import { compareIds, newMessageId, parseId } from '../../../web/client/ids.js';
import { turnList } from '../../../web/client/protocol.js';
import { kMaxStoredTurns, loadState, saveState } from '../../../web/client/storage.js';
import { answerEvents, kAnswer, stamp } from '../scenario.mjs';
import { fakeStorage, fakeWorld } from './world.mjs';

const open = (world = fakeWorld(), storage = fakeStorage()) => ({ world, storage, client: new MrClient({ env: world, storage }).start() });
const sentTypes = (socket) => socket.sent.map((frame) => frame.type);
const play = (world, events) => events.forEach((event) => world.socket.deliver(event));
const only = (client) => turnList(client.state)[0];

test('ids', () => {
  for (const bad of ['', '1', '1-', '-1', 'a-1', '1-2-3', '01-2', '1-02', ' 1-2', '1-2 ', '99999999999999999-1', null, 7]) assert.equal(parseId(bad), null, String(bad));
  assert.deepEqual(parseId('12-0'), { epoch: 12, seq: 0 });
  const sorted = ['rubbish', '0-0', '0-9', '0-10', '1-0', '9-99', '10-1'];
  sorted.forEach((a, i) => sorted.forEach((b, j) => assert.equal(Math.sign(compareIds(a, b)), Math.sign(i - j), `${a} ${b}`)));
  const plain = { getRandomValues: (bytes) => bytes.fill(255) };
  assert.match(newMessageId(plain), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(newMessageId(), newMessageId());
});

test('a question asked before the connection is sent with the greeting', () => {
  const { world, client } = open();
  const key = client.ask('  How much?  ');
  assert.equal(only(client).status, 'waiting');
  world.socket.greet();
  assert.deepEqual(world.socket.sent, [{ type: 'ask', message: 'How much?', message_id: key }]);
  assert.equal(only(client).status, 'sending');
});

test('unacknowledged questions are sent again with the same id, acknowledged ones are not', () => {
  const { world, client } = open();
  world.socket.greet();
  const first = client.ask('one');
  play(world, stamp([{ type: 'turn_start' }], { messageId: first }));
  const second = client.ask('two');
  world.socket.fail();
  world.pass(10_000);
  world.socket.greet();
  assert.deepEqual(world.socket.sent.map((frame) => frame.message_id), [second]);
  assert.equal(world.socket.protocols[1], 'mr.resume.tok.1-1');
});

test('empty, too many and too long', () => {
  const { world, client } = open();
  assert.equal(client.ask('  \n '), null);
  for (let index = 0; index < kMaxUnsentQuestions; index += 1) assert.ok(client.ask(`q${index}`));
  assert.equal(client.ask('one more'), null);
  world.socket.greet({ max_frame_bytes: 4096 });
  const key = client.ask('x') ?? '';
  assert.equal(key, '');
  const other = open();
  other.world.socket.greet({ max_frame_bytes: 4096 });
  const long = other.client.ask('ä'.repeat(2000));
  assert.equal(other.client.state.turns[long].error.code, 'too_large');
  assert.equal(other.world.socket.sent.length, 0);
});

test('stop: running, unsent, unanswered and while disconnected', () => {
  const { world, client } = open();
  const key = client.ask('q');
  client.cancel();
  assert.equal(only(client).status, 'cancelled', 'withdrawn');
  world.socket.greet();
  assert.equal(world.socket.sent.length, 0);
  assert.equal(client.state.turns[key].status, 'cancelled');

  const asked = client.ask('again');
  play(world, stamp([{ type: 'turn_start' }], { messageId: asked }));
  world.socket.fail();
  client.cancel();
  world.pass(600);
  world.socket.greet();
  assert.deepEqual(world.socket.sent, [{ type: 'cancel', turn_id: 't1' }], 'told on return');
  world.pass(kCancelTimeoutMs);
  assert.equal(client.state.turns[asked].status, 'cancelled', 'ended here in the end');
  assert.equal(client.active, null);
});

test('regenerate, edit, feedback', () => {
  const { world, client } = open();
  world.socket.greet();
  const key = client.ask('q');
  play(world, stamp(answerEvents(), { messageId: key }));
  const again = client.regenerate(key);
  const edited = client.regenerate(key, ' q2 ');
  client.feedback(key, -1, 'wrong');
  assert.deepEqual(world.socket.sent.slice(1), [
    { type: 'regenerate', turn_id: 't1', message: 'q', message_id: again },
    { type: 'regenerate', turn_id: 't1', message: 'q2', message_id: edited },
    { type: 'feedback', turn_id: 't1', rating: -1, comment: 'wrong' },
  ]);
  assert.equal(client.state.turns[key].rating, -1);
  world.socket.fail();
  world.pass(600);
  world.socket.greet({ session_id: 'other', recovered: false });
  client.regenerate(key);
  assert.equal(world.socket.sent.at(-1).type, 'ask', 'an earlier session is unknown to the server');
});

test('the session outlives a reload at every event', () => {
  const events = stamp(answerEvents());
  for (let cut = 0; cut <= events.length; cut += 1) {
    const storage = fakeStorage();
    const before = open(fakeWorld(), storage);
    before.world.socket.greet();
    const key = before.client.ask('q');
    events[0].message_id = key;
    play(before.world, events.slice(0, cut));
    before.world.window.fire('pagehide');
    const after = open(fakeWorld(), storage);
    assert.equal(after.world.socket.protocols[1], `mr.resume.tok.${cut === 0 ? '0-0' : events[cut - 1].id}`);
    after.world.socket.greet();
    assert.deepEqual(sentTypes(after.world.socket), cut === 0 ? ['ask'] : []);
    play(after.world, events.slice(cut));
    assert.deepEqual([only(after.client).text, only(after.client).status], [kAnswer.join(''), 'done'], `cut ${cut}`);
  }
});

test('a turn whose log is gone is not waited for without end', () => {
  const { world, client } = open();
  world.socket.greet();
  const key = client.ask('q');
  play(world, stamp(answerEvents(), { messageId: key }).slice(0, -3));
  world.socket.fail();
  world.pass(600);
  world.socket.greet({ recovered: false });
  assert.equal(client.state.turns[key].uncertain, true);
  world.pass(kUncertainTurnMs);
  assert.equal(client.state.turns[key].status, 'partial');
});

test('reset begins a new session', () => {
  const { world, client, storage } = open();
  world.socket.greet();
  client.ask('q');
  world.pass(1000);
  assert.equal(storage.items.size, 1);
  client.reset();
  assert.deepEqual([storage.items.size, client.state.order.length], [0, 0]);
  assert.deepEqual(world.socket.protocols, ['mr.v2']);
});

test('listeners hear every change once and can leave', () => {
  const { world, client } = open();
  let heard = 0;
  const leave = client.subscribe(() => (heard += 1));
  world.socket.greet();
  assert.ok(heard > 0);
  const before = heard;
  world.socket.deliver({ type: 'pong' });
  assert.equal(heard, before, 'nothing changed');
  leave();
  client.ask('q');
  assert.equal(heard, before);
});

test('storage: bounded, versioned, and its absence is no error', () => {
  const state = { order: [], turns: {}, byTurnId: {} };
  for (let index = 0; index < 100; index += 1) {
    state.order.push(`k${index}`);
    state.turns[`k${index}`] = { key: `k${index}`, text: 'x'.repeat(100) };
    state.byTurnId[`t${index}`] = `k${index}`;
  }
  const storage = fakeStorage();
  saveState(storage, 'k', state);
  const loaded = loadState(storage, 'k');
  assert.equal(loaded.order.length, kMaxStoredTurns);
  assert.equal(Object.keys(loaded.byTurnId).length, kMaxStoredTurns);
  assert.equal(loaded.order.at(-1), 'k99');
  const small = fakeStorage(2000);
  saveState(small, 'k', state);
  assert.ok(loadState(small, 'k').order.length < kMaxStoredTurns);
  for (const text of ['', '{', '{"version":99}', 'null', '{"version":1,"state":{}}']) {
    storage.items.set('k', text);
    assert.equal(loadState(storage, 'k'), null, text);
  }
  const { world, client } = open(fakeWorld(), null);
  world.socket.greet();
  assert.ok(client.ask('q'));
});
