// The voice of the mock gateway: hears by loudness alone and understands what the test has written down;
// speaks a sine. Streams, places, resume and barge-in are real, so that a page can be held to them.

import { randomUUID } from 'node:crypto';

const kRate = 16_000;
const kBlock = kRate / 100;
const kLoud = 400; // mean loudness of a 10 ms block that is speech
const kOnsetBlocks = 5;
const kHangBlocks = 50; // of silence that end an utterance
const kPartialBlocks = 25;
const kPieceMs = 100;
const kAheadMs = 1_000;

/**
 * Settings, on `gateway.voice`: `transcripts` (texts of the utterances, in turn; '' for a cough), `segments`
 * (`[text, seconds]` of every spoken answer), `progress` (a line said before it), `refuse` (an error event
 * in place of `voice_ready`), `forgetful` (a takeover: streams are not known after a reconnect).
 * For the test to read: `streams`, each `{ id, start, pcm, samples, acks }`.
 */
export class MockVoice {
  constructor(session, settings) {
    this.session = session;
    this.settings = settings;
    settings.streams ??= [];
    settings.transcripts ??= [];
    this.heard = 0; // utterances so far
    this.stream = null;
    this.speaking = null;
    this.questions = new Map(); // message_id → stream of a spoken question
  }

  live(event) {
    this.session.live(this.stream ? { ...event, stream_id: this.stream.id } : event);
  }

  receive(frame) {
    if (frame.type === 'voice_start') this.open(frame, 0);
    else if (frame.type === 'voice_resume') this.resume(frame);
    else if (frame.type === 'voice_stop') this.release(frame);
    else if (frame.type === 'interrupt') this.interrupt(frame);
  }

  open(start, fromMs) {
    if (this.settings.refuse) {
      this.session.live({ type: 'error', stream_id: start.stream_id, ...this.settings.refuse });
      return false;
    }
    this.stream = { id: start.stream_id, start, pcm: [], samples: fromMs * (kRate / 1000), acks: [], rest: new Int16Array(0), loud: 0, quiet: 0, blocks: 0, utterance: null };
    this.settings.streams.push(this.stream);
    this.live({ type: 'voice_ready', engine: 'mock', language: 'en', tts: start.tts });
    return true;
  }

  resume(frame) {
    const known = this.stream?.id === frame.stream_id && !this.settings.forgetful;
    if (!known && !this.open(frame, frame.from_ms)) return;
    const lostMs = frame.from_ms - this.stream.samples / (kRate / 1000);
    if (lostMs > 0) this.stream.samples += lostMs * (kRate / 1000);
    const received = Math.floor(this.stream.samples / (kRate / 1000));
    this.stream.acks.push(received);
    this.live({ type: 'audio_ack', received_ms: received });
  }

  audio(data) {
    const { stream } = this;
    if (stream === null) return this.session.live({ type: 'error', code: 'voice_lost', message: 'No microphone is open.' });
    const samples = new Int16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
    stream.pcm.push(samples);
    const all = new Int16Array(stream.rest.length + samples.length);
    all.set(stream.rest);
    all.set(samples, stream.rest.length);
    let at = 0;
    for (; at + kBlock <= all.length; at += kBlock) this.block(stream, all.subarray(at, at + kBlock));
    stream.rest = all.slice(at);
    stream.samples += samples.length;
  }

  block(stream, samples) {
    let sum = 0;
    for (const sample of samples) sum += Math.abs(sample);
    const isLoud = sum / samples.length > kLoud;
    stream.loud = isLoud ? stream.loud + 1 : 0;
    stream.quiet = isLoud ? 0 : stream.quiet + 1;
    const ms = stream.samples / (kRate / 1000);
    if (stream.utterance === null) {
      if (stream.loud >= kOnsetBlocks) this.begin(stream, ms);
      return;
    }
    stream.blocks += 1;
    if (stream.blocks % kPartialBlocks === 0) this.partial(stream, ms);
    if (stream.start.mode === 'auto' && stream.quiet >= kHangBlocks) this.end(stream, ms - kHangBlocks * 10);
  }

  begin(stream, ms) {
    const text = this.settings.transcripts[this.heard] ?? '';
    this.heard += 1;
    stream.utterance = { id: `u${this.heard}`, text, startMs: Math.round(ms), words: 0 };
    stream.blocks = 0;
    if (this.speaking) this.speaking.held = true;
    this.live({ type: 'speech_started', utterance_id: stream.utterance.id, audio_ms: Math.round(ms) });
  }

  partial(stream, ms) {
    const words = stream.utterance.text.split(' ');
    stream.utterance.words = Math.min(words.length, stream.utterance.words + 2);
    const text = words.slice(0, stream.utterance.words).join(' ');
    if (text === '') return;
    this.live({ type: 'transcript', utterance_id: stream.utterance.id, text, is_final: false, speech_final: false, start_ms: stream.utterance.startMs, end_ms: Math.round(ms) });
  }

  end(stream, ms) {
    const utterance = stream.utterance ?? { id: `u${this.heard}e`, text: '', startMs: Math.round(ms) };
    stream.utterance = null;
    const messageId = utterance.text ? randomUUID() : undefined;
    if (stream.utterance !== null || utterance.text) this.live({ type: 'speech_stopped', utterance_id: utterance.id, audio_ms: Math.round(ms) });
    const final = { type: 'transcript', utterance_id: utterance.id, stream_id: stream.id, text: utterance.text, is_final: true, speech_final: true, start_ms: utterance.startMs, end_ms: Math.round(ms), ...(messageId ? { message_id: messageId } : {}) };
    if (this.speaking) this.speaking.held = false;
    this.live(final);
    if (!messageId) return;
    this.questions.set(messageId, { stream, utterance });
    this.session.ask({ message: utterance.text, message_id: messageId, spoken: true });
  }

  release(frame) {
    const { stream } = this;
    if (stream?.id !== frame.stream_id) return;
    this.end(stream, stream.samples / (kRate / 1000));
    this.stream = null;
  }

  interrupt(frame) {
    const { speaking } = this;
    this.speaking = null;
    clearTimeout(speaking?.timer);
    this.session.cancel();
    const heard = speaking?.segments.slice(0, (frame.segment ?? 0) + 1).map(([text]) => text).join(' ') ?? '';
    if (speaking) this.session.emit(speaking.turn, { type: 'tts_cancelled', from_segment: frame.segment ?? 0, heard_text: heard });
  }

  // The first text of an answer to a spoken question is there: it is spoken from now on.
  answering(turn, frame) {
    const question = this.questions.get(frame.message_id);
    if (!question || !question.stream.start.tts || !this.settings.segments) return;
    this.questions.delete(frame.message_id);
    const progress = this.settings.progress ? [[this.settings.progress, 0.5, 'progress']] : [];
    this.speaking = { turn, stream: question.stream, utterance: question.utterance, segments: [...progress, ...this.settings.segments], index: 0, sentMs: 0, totalMs: 0, began: Date.now(), held: false, timer: undefined };
    this.speak(this.speaking);
  }

  speak(speaking) {
    if (this.speaking !== speaking) return;
    const { turn, segments } = speaking;
    while (!speaking.held && speaking.totalMs < Date.now() - speaking.began + kAheadMs) {
      const segment = segments[speaking.index];
      if (!segment) {
        this.speaking = null;
        return;
      }
      this.piece(speaking, segment, turn);
    }
    // A page that has gone in mid-speech holds nobody up.
    speaking.timer = setTimeout(() => this.speak(speaking), 50).unref();
  }

  piece(speaking, [text, seconds, kind], turn) {
    const id = { segment: speaking.index };
    if (speaking.sentMs === 0) {
      this.session.emit(turn, { type: 'tts_start', stream_id: speaking.stream.id, ...id, text, sample_rate: kRate, encoding: 'pcm_s16le', transport: 'binary', ...(kind ? { kind } : {}) });
    }
    const samples = new Int16Array((kRate * kPieceMs) / 1000).map((_, n) => 9000 * Math.sin((2 * Math.PI * 440 * (n + speaking.sentMs * 16)) / kRate));
    for (const socket of this.session.sockets) if (socket.hasVoice) socket.sendBinary(samples);
    if (speaking.totalMs === 0) this.session.emit(turn, { type: 'voice_metrics', utterance_id: speaking.utterance.id, endpoint_ms: 300, stt_final_ms: 120, first_token_ms: 210, first_audio_ms: 70, voice_to_voice_ms: 700 });
    speaking.sentMs += kPieceMs;
    speaking.totalMs += kPieceMs;
    if (speaking.sentMs < seconds * 1000) return;
    this.session.emit(turn, { type: 'tts_end', ...id, duration_ms: speaking.sentMs, last: speaking.index + 1 === speaking.segments.length });
    speaking.index += 1;
    speaking.sentMs = 0;
  }
}
