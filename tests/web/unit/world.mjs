// A surrounding world under the test's control: its clock, its timers, its sockets, its page events.

import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto; // node 18 has it by import only

export class FakeSocket {
  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
    this.readyState = 0;
    this.sent = [];
    this.bufferedAmount = 0;
  }

  /** Completes the handshake and greets. */
  greet(frame = {}) {
    this.readyState = 1;
    this.deliver({ type: 'connected', session_id: 's1', v: 2, resume_token: 'tok', recovered: true, ...frame });
  }

  deliver(frame) {
    const isRaw = typeof frame === 'string' || frame instanceof ArrayBuffer;
    this.onmessage?.({ data: isRaw ? frame : JSON.stringify(frame) });
  }

  send(data) {
    this.sent.push(typeof data === 'string' ? JSON.parse(data) : { binary: data.slice() });
  }

  /** Ends as the peer or the network would end it. */
  fail(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  close(code) {
    this.readyState = 3;
    this.closedWith = code;
  }
}

export function fakeWorld() {
  let now = 1_000_000;
  let nextTimer = 1;
  const timers = new Map();
  const sockets = [];
  const target = () => {
    const handlers = new Map();
    return {
      handlers,
      addEventListener: (type, handler) => handlers.set(type, handler),
      removeEventListener: (type) => handlers.delete(type),
      fire: (type, event = {}) => handlers.get(type)?.(event),
    };
  };
  const world = {
    sockets,
    online: true,
    window: target(),
    document: { ...target(), visibilityState: 'visible', baseURI: 'https://example.test/' },
    now: () => now,
    random: () => 0.5,
    isOnline: () => world.online,
    setTimeout: (action, delay) => {
      timers.set(nextTimer, { at: now + delay, action });
      nextTimer += 1;
      return nextTimer - 1;
    },
    clearTimeout: (id) => timers.delete(id),
    WebSocket: class extends FakeSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    },
    /** The newest socket. */
    get socket() {
      return sockets.at(-1);
    },
    get timerCount() {
      return timers.size;
    },
    /** Lets `ms` pass, running every timer at its time. */
    pass(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
        if (!due) break;
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].action();
      }
      now = end;
    },
  };
  return world;
}

export function fakeStorage(limit = Infinity) {
  const items = new Map();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, text) => {
      if (text.length > limit) throw new Error('quota');
      items.set(key, text);
    },
    removeItem: (key) => items.delete(key),
  };
}
