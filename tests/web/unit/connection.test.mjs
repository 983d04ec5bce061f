// The connection: handshake, resume, back-off, liveness, and that a refused token locks nobody out.

import assert from 'node:assert/strict';
import test from 'node:test';
import { kFirstDelayMs, kMaxDelayMs, retryDelayMs } from '../../../web/client/backoff.js';
import { Connection, kConnectTimeoutMs, kPingTimeoutMs, kSilentCheckGapMs, kSilentTurnMs, kSuspectTokenAfter, socketUrl } from '../../../web/client/connection.js';
import { fakeWorld } from './world.mjs';

function connect({ token = null, lastId = '0-0' } = {}) {
  const world = fakeWorld();
  const resume = { token, lastId };
  const log = { frames: [], binary: [], states: [], moves: [], refused: 0 };
  const connection = new Connection({
    url: 'wss://example.test/ws/chat',
    env: world,
    resume: () => (resume.token ? { ...resume } : null),
    onFrame: (frame) => log.frames.push(frame),
    onBinary: (data) => log.binary.push(data.byteLength),
    onMoveFailed: (moving) => log.moves.push(moving),
    onStatus: ({ state }) => log.states.at(-1) !== state && log.states.push(state),
    onTokenRefused: () => {
      log.refused += 1;
      resume.token = null;
    },
  });
  connection.start();
  return { world, connection, log, resume };
}

test('addresses', () => {
  const table = [
    ['/ws/chat', 'https://a.test/x/', 'wss://a.test/ws/chat'],
    ['/ws/chat#x', 'http://127.0.0.1:8/', 'ws://127.0.0.1:8/ws/chat'],
    ['wss://b.test/c?d=1', 'https://a.test/', 'wss://b.test/c?d=1'],
    ['https://b.test/c', undefined, 'wss://b.test/c'],
  ];
  for (const [url, base, expected] of table) assert.equal(socketUrl(url, base), expected);
});

test('back-off grows, is jittered and bounded', () => {
  for (let attempt = 1; attempt < 60; attempt += 1) {
    const ceiling = Math.min(kMaxDelayMs, kFirstDelayMs * 2 ** (attempt - 1));
    assert.equal(retryDelayMs(attempt, () => 0), Math.round(ceiling / 2));
    assert.ok(retryDelayMs(attempt, () => 0.999999) <= ceiling);
  }
});

test('the handshake offers the protocol, and the resume point when there is one', () => {
  assert.deepEqual(connect().world.socket.protocols, ['mr.v2']);
  assert.deepEqual(connect({ token: 'aB-9_.x', lastId: '3-14' }).world.socket.protocols, ['mr.v2', 'mr.resume.aB-9_.x.3-14']);
});

test('online only after the greeting; frames in order; rubbish ignored', () => {
  const { world, connection, log } = connect();
  assert.equal(connection.send({ type: 'ping' }), false);
  world.socket.greet();
  for (const bad of ['', 'null', '[]', '7', '{', '"x"']) world.socket.deliver(bad);
  world.socket.onmessage({ data: new ArrayBuffer(4) });
  world.socket.deliver({ type: 'a' });
  assert.deepEqual(log.frames.map((frame) => frame.type), ['connected', 'a']);
  assert.deepEqual(log.states, ['connecting', 'online']);
  assert.equal(connection.send({ type: 'x' }), true);
  assert.deepEqual(world.socket.sent, [{ type: 'x' }]);
});

test('after a loss it comes back by itself, for ever, with the latest resume point', () => {
  const { world, resume, log } = connect({ token: 'tok', lastId: '1-1' });
  world.socket.greet();
  resume.lastId = '1-77';
  world.socket.fail();
  world.pass(kFirstDelayMs);
  assert.deepEqual(world.socket.protocols, ['mr.v2', 'mr.resume.tok.1-77']);
  assert.equal(log.states.at(-1), 'reconnecting');
  resume.token = null;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const before = world.sockets.length;
    world.socket.fail();
    world.pass(kMaxDelayMs);
    assert.equal(world.sockets.length, before + 1, `attempt ${attempt}`);
  }
  world.socket.greet();
  assert.equal(log.states.at(-1), 'online');
});

test('a handshake that hangs is given up', () => {
  const { world } = connect();
  world.pass(kConnectTimeoutMs + kFirstDelayMs);
  assert.equal(world.sockets.length, 2);
  assert.equal(world.sockets[0].closedWith, 1000);
});

test('frames of a socket that was given up are not heard', () => {
  const { world, connection, log } = connect();
  world.socket.greet();
  const old = world.socket;
  const heard = old.onmessage;
  connection.reconnect();
  heard({ data: '{"type":"late"}' });
  assert.deepEqual(log.frames.map((frame) => frame.type), ['connected']);
});

test('going_away sets the delay of the next attempt', () => {
  const { world } = connect();
  world.socket.greet();
  world.socket.deliver({ type: 'going_away', reconnect_in_ms: 4000 });
  world.socket.fail(1001);
  world.pass(3999);
  assert.equal(world.sockets.length, 1);
  world.pass(1);
  assert.equal(world.sockets.length, 2);
});

test('becoming visible, online or shown again: no waiting', () => {
  const wakes = [
    (world) => world.document.fire('visibilitychange'),
    (world) => world.window.fire('online'),
    (world) => world.window.fire('pageshow', { persisted: true }),
  ];
  for (const wake of wakes) {
    const { world } = connect();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      world.socket.fail();
      world.pass(kMaxDelayMs);
    }
    world.socket.fail();
    const before = world.sockets.length;
    wake(world);
    assert.equal(world.sockets.length, before + 1);
    wake(world);
    assert.equal(world.sockets.length, before + 1, 'no second socket while one is opening');
  }
});

test('a dead path is found when the page becomes visible', () => {
  const { world } = connect();
  world.socket.greet();
  world.document.fire('visibilitychange');
  assert.equal(world.socket.sent[0].type, 'ping');
  world.pass(kPingTimeoutMs);
  assert.equal(world.sockets.length, 2, 'no answer: a new connection');
  world.socket.greet();
  world.document.fire('visibilitychange');
  world.socket.deliver({ type: 'pong', t: 1 });
  world.pass(kPingTimeoutMs * 3);
  assert.equal(world.sockets.length, 2, 'answered: it stays');
});

test('a silent turn is questioned, an idle session is not', () => {
  const { world, connection } = connect();
  world.socket.greet();
  world.pass(kSilentTurnMs * 10);
  assert.equal(world.socket.sent.length, 0);
  connection.setBusy(true);
  world.pass(kSilentTurnMs);
  assert.equal(world.socket.sent.length, 1);
  world.socket.deliver({ type: 'pong' });
  world.pass(kSilentCheckGapMs);
  assert.equal(world.socket.sent.length, 2);
  world.pass(kPingTimeoutMs);
  assert.equal(world.sockets.length, 2);
});

test('offline is told apart and retried all the same', () => {
  const { world, log } = connect();
  world.socket.greet();
  world.online = false;
  world.socket.fail();
  assert.equal(log.states.at(-1), 'offline');
  world.pass(kFirstDelayMs);
  assert.equal(world.sockets.length, 2);
});

// Plays the server's part: refuses tokens when `refuse`, is down for the first `downFor` attempts.
function serve({ world }, { refuse, downFor, rounds = 40 }) {
  for (let round = 0; round < rounds; round += 1) {
    const socket = world.socket;
    const withToken = socket.protocols.length > 1;
    if (socket.readyState === 3 && !socket.onclose) return;
    if (round < downFor || (refuse && withToken)) socket.fail();
    else {
      socket.greet();
      if (world.socket === socket) return;
      continue;
    }
    world.pass(kMaxDelayMs);
  }
  assert.fail('never online');
}

test('a refused token is found out and dropped', () => {
  const session = connect({ token: 'stale' });
  serve(session, { refuse: true, downFor: 0 });
  assert.equal(session.log.refused, 1);
  assert.equal(session.connection.status.state, 'online');
  assert.deepEqual(session.world.socket.protocols, ['mr.v2']);
});

test('a server that was only down costs no session', () => {
  for (let downFor = 0; downFor < kSuspectTokenAfter * 4; downFor += 1) {
    const session = connect({ token: 'good' });
    serve(session, { refuse: false, downFor });
    assert.equal(session.log.refused, 0, `down for ${downFor}`);
    assert.deepEqual(session.world.socket.protocols, ['mr.v2', 'mr.resume.good.0-0']);
    assert.equal(session.log.frames.length, 1, 'the test connection is not heard');
  }
});

test('a policy close on resume drops the token at once', () => {
  const { world, log } = connect({ token: 'stale' });
  world.socket.fail(1008);
  assert.equal(log.refused, 1);
});

test('a server that puts resumes off keeps its session', () => {
  const { world, log, connection } = connect({ token: 'good' });
  for (let round = 0; round < kSuspectTokenAfter * 4; round += 1) {
    assert.deepEqual(world.socket.protocols, ['mr.v2', 'mr.resume.good.0-0']);
    world.socket.fail(1013);
    world.pass(kMaxDelayMs);
  }
  world.socket.greet();
  assert.equal(log.refused, 0);
  assert.equal(connection.status.state, 'online');
});

test('stop ends everything', () => {
  const { world, connection, log } = connect();
  world.socket.greet();
  connection.setBusy(true);
  connection.stop();
  assert.equal(world.timerCount, 0);
  assert.equal(world.window.handlers.size + world.document.handlers.size, 0);
  assert.equal(log.states.at(-1), 'closed');
  connection.retryNow();
  connection.reconnect();
  assert.equal(world.sockets.length, 1);
});

const kAway = 'wss://example.test/ws/voice';
const kHome = 'wss://example.test/ws/chat';

test('another address: the session goes along, and comes home when nobody answers', () => {
  const { world, connection, log } = connect({ token: 'tok', lastId: '3-4' });
  world.socket.greet();
  connection.moveTo(kAway);
  assert.equal(world.sockets[0].closedWith, 1000);
  assert.equal(world.socket.url, kAway);
  assert.deepEqual(world.socket.protocols, ['mr.v2', 'mr.resume.tok.3-4']);
  connection.moveTo(kAway);
  assert.equal(world.sockets.length, 2, 'it is on its way there');
  world.socket.fail();
  assert.equal(world.socket.url, kHome, 'at once');
  assert.deepEqual(log.moves, [true]);
  world.socket.greet();
  connection.moveTo(kAway);
  world.pass(kConnectTimeoutMs);
  assert.equal(world.socket.url, kHome, 'silence is no answer either');
  assert.deepEqual(log.moves, [true, true]);
  assert.equal(log.refused, 0, 'the token is not to blame');
});

test('another address that answered once: tried again after a loss, then home with the usual patience', () => {
  const { world, connection, log } = connect({ token: 'tok' });
  world.socket.greet();
  connection.moveTo(kAway);
  world.socket.greet();
  world.socket.fail();
  world.pass(kFirstDelayMs);
  assert.equal(world.socket.url, kAway);
  const { length } = world.sockets;
  world.socket.fail();
  assert.deepEqual(log.moves, [false]);
  assert.equal(world.sockets.length, length, 'not at once');
  world.pass(kMaxDelayMs);
  assert.equal(world.socket.url, kHome);
  world.socket.greet();
  assert.equal(connection.status.state, 'online');
  connection.moveTo(kAway);
  world.socket.greet();
  connection.moveTo(kHome);
  world.socket.greet();
  assert.equal(world.socket.url, kHome);
});

test('binary frames: both ways, and only behind the greeting', () => {
  const { world, connection, log } = connect();
  assert.equal(connection.sendBinary(new Int16Array(2)), false);
  world.socket.readyState = 1;
  world.socket.deliver(new ArrayBuffer(4));
  world.socket.greet();
  world.socket.deliver(new ArrayBuffer(6));
  assert.deepEqual(log.binary, [6]);
  assert.equal(connection.sendBinary(new Int16Array(2)), true);
  world.socket.bufferedAmount = 9;
  assert.equal(connection.buffered, 9);
  connection.stop();
  assert.equal(connection.sendBinary(new Int16Array(2)), false);
  assert.equal(connection.buffered, 0);
});
