// Access tokens in the client: offered in the handshake, renewed before they end, never in the way.

import assert from 'node:assert/strict';
import test from 'node:test';
import { kMinRenewMs, kRenewBeforeMs } from '../../../web/client/access.js';
import { Connection, kConnectTimeoutMs } from '../../../web/client/connection.js';
import { fakeWorld } from './world.mjs';

// Lets everything run that waits for promises already kept.
const settled = () => new Promise((resolve) => setImmediate(resolve));

function connect(accessToken, { resume = null } = {}) {
  const world = fakeWorld();
  const states = [];
  const frames = [];
  const connection = new Connection({
    url: 'wss://example.test/ws/chat',
    env: world,
    resume: () => resume,
    accessToken,
    onFrame: (frame) => frames.push(frame),
    onStatus: ({ state }) => states.at(-1) !== state && states.push(state),
  });
  connection.start();
  return { world, connection, states, frames };
}

function counter() {
  const give = async () => `token-${(give.calls += 1)}`;
  give.calls = 0;
  return give;
}

test('the token is a subprotocol behind ours and the resume point', async () => {
  const plain = connect(() => 'a.b.c');
  await settled();
  assert.deepEqual(plain.world.socket.protocols, ['mr.v2', 'bearer.a.b.c']);
  const resumed = connect(async () => 'a.b.c', { resume: { token: 'tok', lastId: '1-2' } });
  await settled();
  assert.deepEqual(resumed.world.socket.protocols, ['mr.v2', 'mr.resume.tok.1-2', 'bearer.a.b.c']);
});

test('each attempt asks for a token', async () => {
  const give = counter();
  const { world } = connect(give);
  await settled();
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    assert.equal(world.sockets.length, attempt);
    assert.equal(world.socket.protocols.at(-1), `bearer.token-${attempt}`);
    world.socket.fail();
    world.pass(2_000);
    await settled();
  }
});

test('without a token the server is asked all the same', async () => {
  for (const accessToken of [() => null, () => '', async () => undefined, () => { throw new Error('x'); }, () => Promise.reject(new Error('x'))]) {
    const { world } = connect(accessToken);
    await settled();
    assert.deepEqual(world.socket.protocols, ['mr.v2']);
  }
});

test('a token that does not come is given up like a server that does not answer', async () => {
  let waiting;
  const { world, connection, states } = connect(() => new Promise((resolve) => { waiting = resolve; }));
  await settled();
  world.pass(kConnectTimeoutMs - 1);
  assert.deepEqual(states, ['connecting']);
  world.pass(1);
  assert.equal(connection.status.state, 'reconnecting');
  const late = waiting;
  world.pass(20_000);
  await settled();
  late('late');
  await settled();
  assert.equal(world.sockets.length, 0, 'it was for another attempt');
  waiting('in time');
  await settled();
  assert.equal(world.socket.protocols.at(-1), 'bearer.in time');
});

test('stopping while a token is awaited opens nothing', async () => {
  let give;
  const { world, connection } = connect(() => new Promise((resolve) => { give = resolve; }));
  await settled();
  connection.stop();
  give('late');
  await settled();
  assert.equal(world.sockets.length, 0);
  assert.equal(world.timerCount, 0);
});

test('the token is renewed a minute before its end, again and again', async () => {
  const give = counter();
  const { world } = connect(give);
  await settled();
  world.socket.greet({ token_expires_in_ms: 600_000 });
  world.pass(600_000 - kRenewBeforeMs - 1);
  await settled();
  assert.deepEqual(world.socket.sent, []);
  world.pass(1);
  await settled();
  assert.deepEqual(world.socket.sent, [{ type: 'auth', token: 'token-2' }]);
  world.socket.deliver({ type: 'authenticated', token_expires_in_ms: 600_000 });
  world.pass(600_000 - kRenewBeforeMs);
  await settled();
  assert.deepEqual(world.socket.sent.at(-1), { type: 'auth', token: 'token-3' });
});

test('a short token is renewed after half of its time', async () => {
  const { world } = connect(counter());
  await settled();
  world.socket.greet({ token_expires_in_ms: 20_000 });
  world.pass(9_999);
  await settled();
  assert.deepEqual(world.socket.sent, []);
  world.pass(1);
  await settled();
  assert.equal(world.socket.sent.length, 1);
});

test('what fails is tried again until the end, a bounded number of times', async () => {
  let tries = 0;
  const { world } = connect(() => {
    tries += 1;
    return tries === 1 ? 'first' : null;
  });
  await settled();
  world.socket.greet({ token_expires_in_ms: 32_000 });
  for (let second = 0; second < 60; second += 1) {
    world.pass(1_000);
    await settled();
  }
  assert.deepEqual(world.socket.sent, []);
  assert.equal(tries - 1, Math.log2(32_000 / kMinRenewMs));
});

test('no renewal on a connection that has gone, or without an end', async () => {
  const give = counter();
  const { world } = connect(give);
  await settled();
  for (const frame of [{}, { token_expires_in_ms: 0 }, { token_expires_in_ms: 'x' }, { token_expires_in_ms: 2 ** 40 }]) {
    world.socket.greet(frame);
    world.pass(10_000_000);
    await settled();
    assert.equal(give.calls, 1);
  }
  world.socket.greet({ token_expires_in_ms: 100_000 });
  world.socket.fail(1008);
  world.pass(2_000);
  await settled();
  assert.equal(give.calls, 2, 'for the next attempt');
  world.pass(1_000_000);
  await settled();
  assert.ok(world.sockets.every((socket) => socket.sent.every((frame) => frame.type !== 'auth')));
});
