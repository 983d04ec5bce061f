// The public client: one chat session over one logical connection. Joins the pure reducer
// (protocol.js) to the transport (connection.js), keeps unsent questions, and survives reloads
// through a Web Storage area. Draws nothing.

import { browserEnvironment, Connection, socketUrl } from './connection.js';
import { compareIds, newMessageId, parseId } from './ids.js';
import { activeTurn, initialState, isPending, isTerminal, pendingTurns, reduce, turnList } from './protocol.js';
import { clearState, loadState, saveState } from './storage.js';

export const kSaveDelayMs = 400;
/** How long a turn whose log could not be replayed may stay silent before it is given up. */
export const kUncertainTurnMs = 10_000;
/** A stopped turn of which the server says nothing for so long is ended here. */
export const kCancelTimeoutMs = 8_000;
export const kMaxUnsentQuestions = 20;
// Room for the JSON around a question inside one frame.
const kFrameOverheadBytes = 1024;

export class MrClient {
  /**
   * @param {object} [options]
   * @param {string} [options.url] path or ws(s)/http(s) address of the gateway's location
   * @param {string|null} [options.voiceUrl] the same for its location with voice, where there is one
   * @param {Storage|null} [options.storage] where the session outlives a reload; null for nowhere
   * @param {() => (string|null|Promise<string|null>)} [options.accessToken] gives the access token for a
   *   gateway that asks for one: called before each attempt to connect, and before the last one ends
   * @param {object} [options.env] replacements for the surrounding world (tests)
   */
  constructor({ url = '/ws/chat', voiceUrl = null, storage = globalThis.sessionStorage ?? null, accessToken = null, env = browserEnvironment() } = {}) {
    this.env = env;
    this.storage = storage;
    this.url = socketUrl(url, env.document?.baseURI);
    this.voiceUrl = voiceUrl && socketUrl(voiceUrl, env.document?.baseURI);
    this.storageKey = `mr-ws ${this.url}`;
    this.state = (storage && loadState(storage, this.storageKey)) ?? initialState();
    this.listeners = new Set();
    this.observer = null;
    this.timers = {};
    this.connection = new Connection({
      url: this.url,
      env,
      accessToken,
      resume: () => this.resumePoint(),
      onFrame: (frame) => this.receive(frame),
      onStatus: () => this.notify(),
      onBinary: (data) => this.observer?.binary(data),
      onMoveFailed: (moving) => this.observer?.moveFailed(moving),
      onTokenRefused: () => this.dispatch({ type: 'forgetToken' }),
    });
    this.onPageHide = () => this.save();
  }

  /** Connection status, see `Connection`. */
  get status() {
    return this.connection.status;
  }

  /** The question being answered or next to be answered, or null. */
  get active() {
    return activeTurn(this.state);
  }

  start() {
    this.env.window?.addEventListener?.('pagehide', this.onPageHide);
    this.connection.setBusy(this.active !== null);
    this.connection.start();
    return this;
  }

  /** Ends the connection. The session can be taken up again by `start` or after a reload. */
  stop() {
    this.env.window?.removeEventListener?.('pagehide', this.onPageHide);
    this.save();
    for (const name of Object.keys(this.timers)) this.clear(name);
    this.connection.stop();
  }

  /** Calls `listener(client)` after every change; returns the function that ends it. */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Asks a question; returns its turn's key, or null when it cannot be taken (empty, too many unsent). */
  ask(question, { context } = {}) {
    const text = question.trim();
    if (text === '' || pendingTurns(this.state).length >= kMaxUnsentQuestions) return null;
    return this.submit({ question: text, context });
  }

  /** Asks a turn's question again, or an edited one in its place; returns the new turn's key. */
  regenerate(key, question) {
    const turn = this.state.turns[key];
    if (!turn || pendingTurns(this.state).length >= kMaxUnsentQuestions) return null;
    const text = question?.trim() || turn.question;
    if (turn.turnId === null || turn.archived) {
      return text ? this.submit({ question: text, context: turn.context }) : null;
    }
    return this.submit({ question: text, parentTurnId: turn.turnId, context: turn.context });
  }

  /** Stops a turn (default: the active one). Unsent questions are withdrawn at once. */
  cancel(key = this.active?.key) {
    const turn = this.state.turns[key];
    if (!turn || isTerminal(turn)) return;
    this.dispatch({ type: 'cancel', key });
    if (isTerminal(this.state.turns[key])) return;
    this.sendCancel(this.state.turns[key]);
    this.arm(`cancel ${key}`, kCancelTimeoutMs, () => this.dispatch({ type: 'giveUp', key }));
  }

  /** Rates a turn: 1 or -1. */
  feedback(key, rating, comment) {
    const turn = this.state.turns[key];
    if (!turn?.turnId || turn.archived) return;
    this.dispatch({ type: 'rate', key, rating });
    this.connection.send({ type: 'feedback', turn_id: turn.turnId, rating, ...(comment ? { comment } : {}) });
  }

  /** Forgets the session with all its turns and begins a new one. */
  reset() {
    this.connection.stop();
    for (const name of Object.keys(this.timers)) this.clear(name);
    if (this.storage) clearState(this.storage, this.storageKey);
    this.state = initialState();
    this.connection.setBusy(false);
    this.connection.start();
    this.notify();
  }

  /**
   * For the client of voice, which shares this connection: `observer.frame(frame)` is called with every
   * frame that is new, behind its effect on the state, `observer.binary(data)` with every binary one, and
   * `observer.moveFailed(moving)` when the location with voice did not answer.
   */
  observe(observer) {
    this.observer = observer;
  }

  /** Whether the connection is at the location with voice and open. */
  get atVoice() {
    return this.voiceUrl !== null && this.connection.url === this.voiceUrl && this.status.state === 'online';
  }

  /** Moves the connection to the location with voice; false where none is known. */
  moveToVoice() {
    if (this.voiceUrl === null) return false;
    this.connection.moveTo(this.voiceUrl);
    return true;
  }

  sendVoice(frame) {
    return this.connection.send(frame);
  }

  /** @param {Int16Array} samples one frame of sound */
  sendVoiceBinary(samples) {
    return this.connection.sendBinary(samples);
  }

  /** Bytes that wait in the socket. */
  get voiceBuffered() {
    return this.connection.buffered;
  }

  retryNow() {
    this.connection.retryNow();
  }

  submit({ question, parentTurnId = null, context }) {
    const messageId = newMessageId();
    this.dispatch({ type: 'ask', messageId, question, parentTurnId, context });
    this.flush();
    return messageId;
  }

  resumePoint() {
    const token = this.state.session?.resumeToken;
    return token ? { token, lastId: this.state.lastId } : null;
  }

  receive(frame) {
    const isNew = !parseId(frame.id) || frame.type === 'connected' || compareIds(frame.id, this.state.lastId) > 0;
    this.dispatch({ type: 'event', event: frame });
    if (frame.type === 'connected') this.greeted();
    if (isNew) this.observer?.frame(frame);
  }

  greeted() {
    this.dispatch({ type: 'unsent' });
    this.flush();
    for (const turn of turnList(this.state)) {
      // Also for one given up here in the meantime: the server may still be working on it.
      if (turn.cancelRequested && !turn.archived) this.sendCancel(turn);
    }
    if (turnList(this.state).some((turn) => turn.uncertain)) {
      this.arm('uncertain', kUncertainTurnMs, () => this.dispatch({ type: 'lose' }));
    }
  }

  // Sends every question the server has not acknowledged. Repeats are harmless: the message_id is
  // the idempotency key.
  flush() {
    for (const turn of pendingTurns(this.state)) {
      if (turn.status !== 'waiting') continue;
      const frame = this.questionFrame(turn);
      if (this.tooLarge(frame)) {
        const error = { code: 'too_large', message: 'The question is too long.', retryAfterMs: null };
        this.dispatch({ type: 'refuse', key: turn.key, error });
      } else if (this.connection.send(frame)) {
        this.dispatch({ type: 'sent', key: turn.key });
      }
    }
  }

  questionFrame(turn) {
    const identity = { message_id: turn.messageId, ...(turn.context ? { context: turn.context } : {}) };
    if (turn.parentTurnId === null) return { type: 'ask', message: turn.question, ...identity };
    const edited = turn.question === null ? {} : { message: turn.question };
    return { type: 'regenerate', turn_id: turn.parentTurnId, ...edited, ...identity };
  }

  tooLarge(frame) {
    const limit = this.state.session?.maxFrameBytes;
    if (!limit) return false;
    return new TextEncoder().encode(frame.message ?? '').length > limit - kFrameOverheadBytes;
  }

  sendCancel(turn) {
    if (isPending(turn)) {
      this.connection.send({ type: 'cancel', message_id: turn.messageId });
    } else {
      this.connection.send({ type: 'cancel', turn_id: turn.turnId });
    }
  }

  dispatch(action) {
    const next = reduce(this.state, { at: this.env.now(), ...action });
    if (next === this.state) return;
    this.state = next;
    this.connection.setBusy(this.active !== null);
    if (this.storage && this.timers.save === undefined) this.arm('save', kSaveDelayMs, () => this.save());
    this.notify();
  }

  save() {
    if (this.storage && this.state.session) saveState(this.storage, this.storageKey, this.state);
  }

  notify() {
    for (const listener of this.listeners) listener(this);
  }

  arm(name, delayMs, action) {
    this.clear(name);
    this.timers[name] = this.env.setTimeout(() => {
      delete this.timers[name];
      action();
    }, delayMs);
  }

  clear(name) {
    this.env.clearTimeout(this.timers[name]);
    delete this.timers[name];
  }
}
