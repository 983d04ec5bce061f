// One logical connection to the gateway: opens WebSockets, resumes, backs off, checks liveness and
// reports its status. It hands every JSON frame to its owner and never interprets a turn event.

import { retryDelayMs } from './backoff.js';
import { kNoId } from './ids.js';

export const kSubprotocol = 'mr.v2';
export const kConnectTimeoutMs = 10_000;
export const kPingTimeoutMs = 3_000;
export const kSilentTurnMs = 15_000;
export const kSilentCheckGapMs = 30_000;
/** Failed resumes in a row after which the client finds out whether its token is what is refused. */
export const kSuspectTokenAfter = 4;
const kPolicyViolation = 1008;
const kTryAgainLater = 1013;

/** Everything of the surrounding world that the connection uses; tests replace parts of it. */
export function browserEnvironment() {
  return {
    WebSocket: globalThis.WebSocket,
    now: () => Date.now(),
    random: Math.random,
    setTimeout: globalThis.setTimeout.bind(globalThis),
    clearTimeout: globalThis.clearTimeout.bind(globalThis),
    window: globalThis.window,
    document: globalThis.document,
    isOnline: () => globalThis.navigator?.onLine !== false,
  };
}

/** ws(s) address for a path or an http(s)/ws(s) address, seen from page address `base`. */
export function socketUrl(url, base) {
  const full = new URL(url, base);
  if (full.protocol === 'http:') full.protocol = 'ws:';
  if (full.protocol === 'https:') full.protocol = 'wss:';
  full.hash = '';
  return full.href;
}

/**
 * Status object given to `onStatus`: `{ state, attempt, retryAt, since }` with `state` one of
 * `idle | connecting | online | reconnecting | offline | closed`; `retryAt` is the time (ms, as
 * `now()`) of the next attempt or null while one is under way.
 */
export class Connection {
  /**
   * @param {object} options
   * @param {string} options.url ws(s) address
   * @param {() => ({token: string, lastId: string}|null)} options.resume what to resume, if anything
   * @param {(frame: object) => void} options.onFrame every JSON object received, in order
   * @param {(status: object) => void} options.onStatus
   * @param {(data: ArrayBuffer) => void} [options.onBinary] every binary frame received, in order with the others
   * @param {(moving: boolean) => void} [options.onMoveFailed] the address of `moveTo` did not answer; `moving`:
   *   it never has since that call
   * @param {() => void} [options.onTokenRefused] the resume token is useless: forget it
   * @param {() => (string|null|Promise<string|null>)} [options.accessToken] for a server that asks for one
   */
  constructor({ url, resume, onFrame, onStatus, onBinary = () => {}, onMoveFailed = () => {}, onTokenRefused = () => {}, accessToken = null, env = browserEnvironment() }) {
    this.url = url;
    this.homeUrl = url;
    this.moving = false; // on the way to another address, not greeted there yet
    this.resume = resume;
    this.onFrame = onFrame;
    this.onBinary = onBinary;
    this.onMoveFailed = onMoveFailed;
    this.onStatus = onStatus;
    this.onTokenRefused = onTokenRefused;
    this.env = env;
    this.accessOptions = accessToken && { accessToken, env, onRenewed: (token) => this.send({ type: 'auth', token }) };
    this.access = null;
    this.openings = 0; // attempts, to tell the present one from those that wait for a token in vain
    this.socket = null;
    this.timers = {};
    this.greeted = false;
    this.wasOnline = false;
    this.attempt = 0;
    this.failedResumes = 0;
    this.tokenCheck = 'none'; // none → probing (without token) → verifying (with it) → none
    this.reconnectHintMs = null;
    this.busy = false;
    this.lastHeardAt = 0;
    this.lastProbeAt = 0;
    this.status = { state: 'idle', attempt: 0, retryAt: null, since: env.now() };
    this.unlisten = [];
  }

  start() {
    if (this.status.state !== 'idle' && this.status.state !== 'closed') return;
    this.listen();
    this.open();
  }

  /** Closes for good; no further attempt is made until `start`. */
  stop(code = 1000, reason = '') {
    for (const remove of this.unlisten.splice(0)) remove();
    this.dropSocket(code, reason);
    this.attempt = 0;
    this.wasOnline = false;
    this.setStatus('closed');
  }

  /** Sends one JSON object; false when there is no greeted connection to take it. */
  send(frame) {
    if (!this.greeted || this.socket?.readyState !== 1) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** Sends bytes as one binary frame; false when there is no greeted connection to take it. */
  sendBinary(bytes) {
    if (!this.greeted || this.socket?.readyState !== 1) return false;
    this.socket.send(bytes);
    return true;
  }

  /** Bytes given to the socket that have not left it. */
  get buffered() {
    return this.socket?.bufferedAmount ?? 0;
  }

  /**
   * Goes on at another address of the same gateway, with the session. An address that does not greet is
   * given up for the first one, now or in any later attempt: it must not cost the user the chat.
   */
  moveTo(url) {
    if (url === this.url) return;
    this.url = url;
    this.moving = url !== this.homeUrl;
    this.reconnect();
  }

  /** Tries at once instead of waiting for the back-off. */
  retryNow() {
    if (this.status.state === 'closed' || this.status.state === 'idle' || this.socket) return;
    this.open();
  }

  /** While a turn runs, long silence is questioned by a ping. */
  setBusy(busy) {
    if (busy === this.busy) return;
    this.busy = busy;
    this.clear('silence');
    if (busy) this.armSilence();
  }

  /** Drops the present socket and connects again at once. */
  reconnect() {
    if (this.status.state === 'closed' || this.status.state === 'idle') return;
    this.dropSocket();
    this.open();
  }

  // Sends a ping; any frame is an answer. Without one the path is dead, whatever the socket says.
  probe() {
    if (!this.greeted || this.timers.ping) return;
    this.lastProbeAt = this.env.now();
    if (!this.send({ type: 'ping', t: this.lastProbeAt })) return;
    this.arm('ping', kPingTimeoutMs, () => this.reconnect());
  }

  open() {
    this.clear('retry');
    this.clear('silence');
    this.setStatus(this.wasOnline || this.attempt > 0 ? 'reconnecting' : 'connecting');
    this.openings += 1;
    if (!this.accessOptions) {
      this.connect(null);
      return;
    }
    const opening = this.openings;
    this.arm('connect', kConnectTimeoutMs, () => {
      this.dropSocket();
      this.closed(null, 1006, false);
    });
    this.token().then((token) => {
      if (opening === this.openings) this.connect(token);
    });
  }

  // The code for it is loaded where tokens are in use.
  async token() {
    try {
      const { Access } = await import('./access.js');
      this.access ??= new Access(this.accessOptions);
      return await this.access.token();
    } catch {
      return null;
    }
  }

  connect(accessToken) {
    const { env } = this;
    const resume = this.tokenCheck === 'probing' ? null : this.resume();
    const protocols = [kSubprotocol];
    if (resume?.token) protocols.push(`mr.resume.${resume.token}.${resume.lastId ?? kNoId}`);
    // JWTs hold no character that a subprotocol may not hold.
    if (accessToken) protocols.push(`bearer.${accessToken}`);
    const resuming = Boolean(resume?.token);
    let socket;
    try {
      socket = new env.WebSocket(this.url, protocols);
    } catch {
      this.scheduleRetry();
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.greeted = false;
    socket.onmessage = (event) => this.receive(socket, event.data);
    socket.onclose = (event) => this.closed(socket, event.code, resuming);
    this.arm('connect', kConnectTimeoutMs, () => {
      this.dropSocket();
      this.closed(null, 1006, resuming);
    });
  }

  receive(socket, data) {
    if (socket !== this.socket) return;
    if (typeof data !== 'string') {
      if (!this.greeted) return;
      this.heard();
      this.onBinary(data);
      return;
    }
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame === null || typeof frame !== 'object' || Array.isArray(frame)) return;
    this.heard();
    if (frame.type === 'connected' && !this.greet()) return;
    if (frame.type === 'connected' || frame.type === 'authenticated') this.access?.granted(frame);
    if (frame.type === 'going_away') this.reconnectHintMs = Math.max(0, Number(frame.reconnect_in_ms) || 0);
    this.onFrame(frame);
  }

  heard() {
    this.lastHeardAt = this.env.now();
    this.clear('ping');
  }

  // True when the greeting belongs to a connection that is kept.
  greet() {
    this.clear('connect');
    if (this.tokenCheck === 'probing') {
      // The server is up without the token; the next attempt shows whether it is up with it.
      this.tokenCheck = 'verifying';
      this.reconnect();
      return false;
    }
    this.tokenCheck = 'none';
    this.greeted = true;
    this.moving = false;
    this.wasOnline = true;
    this.attempt = 0;
    this.failedResumes = 0;
    this.reconnectHintMs = null;
    if (this.busy) this.armSilence();
    this.setStatus('online');
    return true;
  }

  closed(socket, code, withToken) {
    if (socket !== this.socket) return;
    const wasGreeted = this.greeted;
    this.dropSocket();
    if (!wasGreeted && this.url !== this.homeUrl) {
      this.goHome();
      return;
    }
    if (!wasGreeted && withToken) this.suspectToken(code);
    this.scheduleRetry();
  }

  goHome() {
    const { moving } = this;
    this.url = this.homeUrl;
    this.moving = false;
    if (moving) this.open();
    else this.scheduleRetry();
    this.onMoveFailed(moving);
  }

  // A browser cannot see why a handshake failed. A refused token must not lock the user out for
  // ever, and a server that is merely down must not cost him his answer: so ask without the token.
  suspectToken(code) {
    if (!this.env.isOnline() || code === kTryAgainLater) return; // it was not looked at
    this.failedResumes += 1;
    if (this.tokenCheck === 'verifying' || code === kPolicyViolation) {
      this.tokenCheck = 'none';
      this.failedResumes = 0;
      this.onTokenRefused();
    } else if (this.failedResumes >= kSuspectTokenAfter) {
      this.tokenCheck = 'probing';
    }
  }

  scheduleRetry() {
    this.attempt += 1;
    const delay = this.reconnectHintMs ?? retryDelayMs(this.attempt, this.env.random);
    this.reconnectHintMs = null;
    this.setStatus(this.env.isOnline() ? 'reconnecting' : 'offline', this.env.now() + delay);
    this.arm('retry', delay, () => this.open());
  }

  armSilence() {
    this.arm('silence', kSilentTurnMs, () => {
      const now = this.env.now();
      const silent = now - this.lastHeardAt >= kSilentTurnMs;
      if (silent && now - this.lastProbeAt >= kSilentCheckGapMs) this.probe();
      if (this.busy) this.armSilence();
    });
  }

  dropSocket(code = 1000, reason = '') {
    for (const name of Object.keys(this.timers)) this.clear(name);
    this.openings += 1;
    this.access?.stop();
    const { socket } = this;
    this.socket = null;
    this.greeted = false;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    try {
      socket.close(code, reason);
    } catch {
      // Already gone: there is nothing left to close.
    }
  }

  listen() {
    const { window, document } = this.env;
    const on = (target, type, handler) => {
      if (!target?.addEventListener) return;
      target.addEventListener(type, handler);
      this.unlisten.push(() => target.removeEventListener(type, handler));
    };
    const wake = () => (this.socket ? this.probe() : this.retryNow());
    on(document, 'visibilitychange', () => document.visibilityState === 'visible' && wake());
    on(window, 'online', wake);
    on(window, 'pageshow', (event) => event.persisted && wake());
    on(window, 'offline', () => {
      if (this.greeted) this.probe();
      else if (this.timers.retry) this.setStatus('offline', this.status.retryAt);
    });
  }

  setStatus(state, retryAt = null) {
    const since = state === this.status.state ? this.status.since : this.env.now();
    this.status = { state, attempt: this.attempt, retryAt, since };
    this.onStatus(this.status);
  }

  arm(name, delayMs, action) {
    this.clear(name);
    this.timers[name] = this.env.setTimeout(() => {
      delete this.timers[name];
      action();
    }, delayMs);
  }

  clear(name) {
    if (this.timers[name] === undefined) return;
    this.env.clearTimeout(this.timers[name]);
    delete this.timers[name];
  }
}
