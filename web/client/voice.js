// The client of voice: one microphone and the spoken answers of the session of an MrClient, over that
// client's own connection. Joins the pure reducer (voice_state.js) to capture and player. Draws nothing.

import { browserEnvironment } from './connection.js';
import { newMessageId } from './ids.js';
import { openMicrophone } from './voice_capture.js';
import { Hesitation } from './voice_hesitation.js';
import { SpeechPlayer } from './voice_player.js';
import { initialVoice, isOwn, reduceVoice, spokenSegment } from './voice_state.js';
import { VoiceStream } from './voice_stream.js';

/** The microphone is off so long after the last word at most, whatever the server says. */
export const kFinalTimeoutMs = 10_000;
const kRefusals = new Set(['relay_unavailable', 'no_worker', 'busy', 'rate_limited']);
const kMaxSilenced = 16; // turns of which nothing is to be heard any more

export class VoiceClient {
  /**
   * @param {object} options
   * @param {import('./client.js').MrClient} options.client one with a `voiceUrl`
   * @param {() => AudioContext} options.audioContext for playback; made or resumed in a user's gesture
   * @param {boolean} [options.speech] whether answers to spoken questions are spoken
   * @param {number} [options.speed] 0.7 to 1.2
   * @param {object} [options.env] replacements for the surrounding world (tests)
   */
  constructor({ client, audioContext, speech = true, speed = 1, env = browserEnvironment(), open = openMicrophone }) {
    this.client = client;
    this.env = env;
    this.openMicrophone = open;
    this.speech = speech;
    this.speed = speed;
    this.state = initialVoice();
    this.level = 0; // of the newest frame, 0 to 1
    this.listeners = new Set();
    this.timers = {};
    this.capture = null;
    this.use = null; // of the microphone, from one `start` to its end
    this.ear = null; // of the microphone that is open
    this.silenced = [];
    this.receiving = null; // turn and segment that binary frames belong to
    this.lastTurn = null; // its last segment has been sent
    this.utterance = null; // the newest question: { messageId, endedAt }
    this.stream = new VoiceStream({
      client,
      env,
      onFailed: (code, message) => this.fail(code, message),
    });
    this.player = new SpeechPlayer({
      context: audioContext,
      env,
      onSegment: (state, place) => this.sounded(state, place),
      onIdle: () => this.lastTurn === this.state.speech?.turnId && this.dispatch({ type: 'silent' }),
      onScheduled: (...when) => this.ear?.played(...when),
      onSilenced: (inMs) => this.ear?.silenced(inMs),
    });
    this.hesitation = new Hesitation({
      env,
      onSilence: () => this.pause(),
      onGoOn: () => this.goOn(),
      onJudged: (what) => this.ear?.[what](),
    });
    client.observe(this);
  }

  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Turns the microphone on: `auto` finds the ends of speech in the sound, `ptt` takes `stop` for it. To be
   * called from a user's gesture. Who is spoken to meanwhile is interrupted.
   */
  async start(mode = 'auto') {
    if (this.state.mic === 'opening' || this.state.mic === 'on') return;
    this.interrupt();
    this.clear('final');
    const streamId = newMessageId();
    this.dispatch({ type: 'open', streamId, mode });
    this.stream.open(this.parameters(streamId, mode));
    if (!this.client.moveToVoice()) {
      this.fail('voice_unavailable', '');
      return;
    }
    const use = {};
    this.use = use;
    const isCurrent = () => this.use === use;
    const sink = {
      onFrame: (pcm, level) => isCurrent() && this.captured(pcm, level),
      onLost: () => isCurrent() && this.fail('device_lost', ''),
      onOnset: () => isCurrent() && this.overheard(),
      onSpeaking: () => isCurrent() && this.hesitation.goesOn(),
    };
    const opening = this.openMicrophone(sink);
    this.capture = opening;
    try {
      const ear = await opening;
      if (!isCurrent()) return;
      this.ear = ear;
      this.dispatch({ type: 'opened' });
    } catch (error) {
      if (isCurrent()) this.fail(error.code ?? 'failed', error.message);
    }
  }

  /** Turns the microphone off; what has been said until now is a question. */
  async stop() {
    const { mic } = this.state;
    if (mic !== 'opening' && mic !== 'on') return;
    const { use } = this;
    this.dispatch({ type: 'stopping' });
    this.arm('final', kFinalTimeoutMs, () => this.off());
    await this.closeCapture();
    if (this.use !== use || this.state.mic !== 'stopping') return;
    this.level = 0;
    if (this.state.mode === 'ptt') this.utterance = { messageId: null, endedAt: this.env.now() };
    if (this.stream.isEmpty) this.off();
    else this.stream.finish();
  }

  /** Ends what is being spoken, and the turn if it is still running; false when nothing was. */
  interrupt() {
    const { speech } = this.state;
    if (speech === null) return false;
    const place = this.player.stop();
    this.silence(speech.turnId);
    const heard = place?.turnId === speech.turnId ? place : { segment: 0, ms: 0 }; // not a sound of it
    this.client.sendVoice({ type: 'interrupt', turn_id: speech.turnId, played_ms: heard.ms, segment: heard.segment });
    this.dispatch({ type: 'silent' });
    return true;
  }

  /** Whether answers are spoken: also for a microphone that is on. Off ends what is heard, not the answer. */
  setSpeech(on, speed = this.speed) {
    const changed = on !== this.speech || speed !== this.speed;
    this.speech = on;
    this.speed = speed;
    if (!changed) return;
    if (!on && this.state.speech !== null) {
      this.silence(this.state.speech.turnId);
      this.player.stop();
      this.dispatch({ type: 'silent' });
    }
    // A stream's wishes are fixed at its beginning: the next frame begins a new one.
    const { mic, mode } = this.state;
    if (mic !== 'on' && mic !== 'opening') return;
    const streamId = newMessageId();
    this.stream.finish();
    this.stream.open(this.parameters(streamId, mode));
    this.dispatch({ type: 'renew', streamId });
  }

  dismiss() {
    this.dispatch({ type: 'dismiss' });
  }

  // From MrClient: every new frame, every binary one, and a move that failed.

  frame(frame) {
    const own = isOwn(this.state, frame);
    if (frame.type === 'connected') this.connected();
    else if (frame.type === 'audio_ack') this.stream.acknowledged(frame);
    else if (frame.type === 'error' && frame.code === 'voice_lost') this.stream.lost(frame);
    else if (frame.type === 'error' && frame.id === undefined && kRefusals.has(frame.code)) this.stream.refused();
    else if (frame.type === 'speech_started' && own) this.hesitation.confirmed(this.state.speech !== null);
    else if (frame.type === 'speech_stopped' && own) this.spoken(frame);
    const before = this.state;
    this.dispatch({ type: 'event', event: frame });
    if (frame.type === 'transcript' && own) this.transcribed(frame);
    else if (frame.type.startsWith('tts_')) this.speak(frame, own);
    if (before.mic !== 'off' && this.state.mic === 'off') this.ended();
  }

  binary(data) {
    if (this.receiving !== null) this.player.push(new Int16Array(data, 0, data.byteLength >> 1));
  }

  moveFailed(moving) {
    if (moving && this.state.mic !== 'off') this.fail('voice_unavailable', '');
  }

  parameters(streamId, mode) {
    const speed = this.speed === 1 ? {} : { speed: this.speed };
    return { stream_id: streamId, sample_rate: 16_000, encoding: 'pcm_s16le', transport: 'binary', mode, tts: this.speech, ...speed };
  }

  captured(pcm, level) {
    this.level = level;
    this.stream.push(pcm);
    for (const listener of this.listeners) listener(this);
  }

  connected() {
    this.receiving = null;
    // Sound that was under way is lost; what has arrived is still played.
    const { speech } = this.state;
    this.player.end();
    if (speech !== null) this.lastTurn = speech.turnId;
    if (!this.player.active) this.dispatch({ type: 'silent' });
    if (this.state.mic === 'off') return;
    if (!this.client.atVoice) this.client.moveToVoice();
    else this.stream.connected();
  }

  spoken({ audio_ms: ms }) {
    const endedAt = Number.isFinite(ms) ? this.stream.capturedAt(ms) : this.env.now();
    this.utterance = { messageId: null, endedAt };
  }

  transcribed({ text, is_final: final, speech_final: whole, message_id: messageId }) {
    const isSaid = typeof text === 'string' && text.trim() !== '';
    if (isSaid && this.player.paused && !this.interrupt()) this.stopSound();
    if (!final || whole === false) return;
    if (isSaid) this.utterance = { endedAt: this.utterance?.endedAt ?? this.env.now(), messageId: messageId ?? null };
    else this.goOn();
  }

  // The microphone has heard somebody begin to speak, long before the server does.
  overheard() {
    const { speech, hearing } = this.state;
    if (speech !== null) this.hesitation.begins(speech.turnId, hearing);
  }

  // Somebody speaks while the answer is spoken: silence first, and then see whether it was meant.
  pause() {
    const { turnId } = this.state.speech;
    const place = this.player.pause();
    if (place?.turnId === turnId) this.report('paused', place);
    this.dispatch({ type: 'paused', turnId, paused: true });
  }

  goOn() {
    this.hesitation.end();
    const { speech } = this.state;
    if (!this.player.paused) return;
    const place = this.player.resume();
    if (speech === null) return;
    if (place?.turnId === speech.turnId) this.report('resumed', place);
    this.dispatch({ type: 'paused', turnId: speech.turnId, paused: false });
  }

  stopSound() {
    this.hesitation.end();
    return this.player.stop();
  }

  speak(frame, own) {
    if (frame.type === 'tts_start') {
      const audible = own && this.speech && !this.silenced.includes(frame.turn_id);
      this.receiving = audible ? { turnId: frame.turn_id, segment: frame.segment } : null;
      if (audible) this.player.begin(frame.turn_id, frame.segment, frame.sample_rate);
      else if (this.state.speech?.turnId === frame.turn_id) this.dispatch({ type: 'silent' });
    } else if (frame.type === 'tts_cancelled') {
      if (!this.player.active || this.player.place?.turnId === frame.turn_id) this.stopSound();
      if (this.receiving?.turnId === frame.turn_id) this.receiving = null;
    } else if (this.receiving?.turnId === frame.turn_id && this.receiving.segment === frame.segment) {
      if (frame.type === 'tts_audio') this.player.push(fromBase64(frame.audio));
      if (frame.type !== 'tts_end') return;
      this.receiving = null;
      if (frame.last === true) this.lastTurn = frame.turn_id;
      this.player.end();
    }
  }

  sounded(state, place) {
    if (this.silenced.includes(place.turnId)) return;
    if (state === 'started') {
      this.dispatch({ type: 'sounding', turnId: place.turnId, segment: place.segment });
      this.heard(place.turnId);
    }
    this.report(state, place);
  }

  // The first sound of an answer to the newest spoken question: what its user has waited.
  heard(turnId) {
    const { utterance } = this;
    if (utterance === null || spokenSegment(this.state)?.kind !== 'answer') return;
    const key = this.client.state.byTurnId[turnId];
    const turn = this.client.state.turns[key];
    if (!turn || (utterance.messageId !== null && turn.messageId !== utterance.messageId)) return;
    this.utterance = null;
    this.client.dispatch({ type: 'heard', key, ms: Math.max(0, Math.round(this.env.now() - utterance.endedAt)) });
  }

  report(state, place) {
    this.client.sendVoice({ type: 'playback', turn_id: place.turnId, segment: place.segment, state, at_ms: place.ms });
  }

  silence(turnId) {
    this.silenced = [...this.silenced, turnId].slice(-kMaxSilenced);
    this.receiving = null;
    this.hesitation.end();
  }

  /** Ends everything at once: another conversation begins. */
  close() {
    this.player.stop();
    this.dispatch({ type: 'reset' });
    this.ended();
  }

  fail(code, message) {
    if (code === 'device_lost') this.stream.finish();
    this.dispatch({ type: 'off', problem: { code, message } });
    this.ended();
  }

  off() {
    this.dispatch({ type: 'off', note: this.state.mode === 'ptt' ? 'nothing_heard' : '' });
    this.ended();
  }

  ended() {
    this.use = null;
    this.clear('final');
    this.stream.drop();
    this.closeCapture();
    this.level = 0;
    this.goOn();
  }

  async closeCapture() {
    const opening = this.capture;
    this.capture = null;
    this.ear = null;
    try {
      await (await opening)?.close();
    } catch {
      // It never opened, and `start` has said so.
    }
  }

  dispatch(action) {
    const next = reduceVoice(this.state, action);
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.listeners) listener(this);
  }

  arm(name, delayMs, action) {
    this.clear(name);
    this.timers[name] = this.env.setTimeout(action, delayMs);
  }

  clear(name) {
    this.env.clearTimeout(this.timers[name]);
    delete this.timers[name];
  }
}

function fromBase64(text) {
  const bytes = Uint8Array.from(atob(typeof text === 'string' ? text : ''), (character) => character.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}
