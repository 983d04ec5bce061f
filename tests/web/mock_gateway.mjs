// A gateway without nginx, Redis and workers: serves the page and speaks the client protocol, v2,
// with a log per session so that resume is real. Tests steer it: gates hold an answer at a point,
// connections are cut after a chosen event, the whole server goes away and comes back.
//
// Run by hand: node mock_gateway.mjs [PORT] [VENDOR_DIR] answers every question at a human pace.

import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { MockVoice } from './mock_voice.mjs';
import { answerEvents } from './scenario.mjs';
import { ServerSocket } from './ws_server.mjs';

const kWeb = fileURLToPath(new URL('../../web/', import.meta.url));
const kTypes = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const tick = () => new Promise((resolve) => setImmediate(resolve));

/** An entry of a script that holds the answer until `gateway.open(name)`. */
export const gate = (name) => ({ gate: name });

class Session {
  constructor(gateway) {
    this.gateway = gateway;
    this.id = randomUUID();
    this.token = `tok-${this.id}`;
    this.epoch = 1;
    this.seq = 0;
    this.log = [];
    this.sockets = new Set();
    this.seen = new Set();
    this.queue = [];
    this.turn = null;
    this.voice = gateway.voice ? new MockVoice(this, gateway.voice) : null;
  }

  /** An event that is not logged, to the connections with voice. */
  live(event) {
    for (const socket of this.sockets) if (socket.hasVoice) socket.sendText(JSON.stringify(event));
  }

  emit(turn, event) {
    this.seq += 1;
    const stamped = { ...event, turn_id: turn.id, id: `${this.epoch}-${this.seq}`, ts: Date.now() };
    this.log.push(stamped);
    for (const socket of this.sockets) this.deliver(socket, stamped);
  }

  deliver(socket, event) {
    socket.sendText(JSON.stringify(event));
    socket.delivered += 1;
    if (socket.delivered !== this.gateway.cutAfterEvents) return;
    this.gateway.cutAfterEvents = 0;
    this.sockets.delete(socket);
    // Let the bytes out first: what counts is which event was the last to arrive.
    socket.open = false;
    socket.socket.end(() => socket.socket.destroy());
  }

  attach(socket, lastId, recovered) {
    socket.delivered = 0;
    socket.sendText(JSON.stringify({ type: 'connected', session_id: this.id, v: 2, resume_token: this.token, recovered, heartbeat_ms: 25000, max_frame_bytes: 65536, features: ['cancel', 'resume', ...(socket.hasVoice ? ['voice'] : [])] }));
    this.sockets.add(socket);
    const [epoch, seq] = (lastId ?? '0-0').split('-').map(Number);
    const from = lastId === null ? this.log.length : this.log.findIndex((event) => isAfter(event.id, epoch, seq));
    if (recovered && from >= 0) {
      for (const event of this.log.slice(from)) if (this.sockets.has(socket)) this.deliver(socket, event);
    } else if (!recovered && lastId !== null && this.gateway.snapshot) {
      this.deliver(socket, this.gateway.snapshot(this));
    }
    socket.onText = (text) => this.receive(socket, JSON.parse(text));
    socket.onBinary = (data) => socket.hasVoice && this.voice.audio(data);
    socket.onClose = () => this.sockets.delete(socket);
  }

  receive(socket, frame) {
    this.gateway.received.push(frame);
    if (frame.type === 'ping') socket.sendText(JSON.stringify({ type: 'pong', t: frame.t }));
    else if (frame.type === 'cancel') this.cancel();
    else if (frame.type === 'ask' || frame.type === 'regenerate') this.ask(frame);
    else this.voice?.receive(frame);
  }

  ask(frame) {
    if (this.seen.has(frame.message_id)) return;
    this.seen.add(frame.message_id);
    this.queue.push(frame);
    if (this.turn === null) this.run();
  }

  cancel() {
    if (this.turn === null) return;
    this.turn.cancelled = true;
    this.gateway.wake();
  }

  async run() {
    while (this.queue.length > 0) {
      const frame = this.queue.shift();
      const turn = { id: randomUUID(), cancelled: false, text: '' };
      this.turn = turn;
      for (const event of this.gateway.script(frame.message, frame)) {
        if (event.gate) await this.gateway.passed(event.gate, turn);
        else {
          await this.gateway.pace();
          if (turn.cancelled) break;
          if (event.type === 'text_chunk') turn.text += event.content;
          this.emit(turn, event.type === 'turn_start' ? { ...event, message_id: frame.message_id, ...(frame.spoken ? { question: frame.message } : {}) } : event);
          if (event.type === 'text_chunk') this.voice?.answering(turn, frame);
        }
        if (turn.cancelled) break;
      }
      if (turn.cancelled) this.finishCancelled(turn);
      this.turn = null;
    }
  }

  finishCancelled(turn) {
    this.emit(turn, { type: 'cancelled', by: 'user' });
    if (turn.text === '') this.emit(turn, { type: 'text_chunk', content: (turn.text = 'Stopped.'), offset: 0 });
    this.emit(turn, { type: 'response_complete', sources: [], status: 'cancelled', text_length: turn.text.length });
  }
}

function isAfter(id, epoch, seq) {
  const [e, s] = id.split('-').map(Number);
  return e > epoch || (e === epoch && s > seq);
}

export class Gateway {
  constructor({ vendor = null } = {}) {
    this.vendor = vendor;
    this.sessions = new Map();
    this.received = [];
    this.served = [];
    this.handshakes = [];
    this.script = () => answerEvents();
    this.snapshot = null;
    this.voice = null; // what it hears and says: see MockVoice; set before the first connection
    this.recover = true;
    this.available = true;
    this.cutAfterEvents = 0;
    this.pace = tick;
    this.gates = new Set();
    this.waiting = [];
  }

  async start(port = 0) {
    this.server = createServer((request, response) => this.serve(request, response));
    this.server.on('upgrade', (request, socket) => this.upgrade(request, socket));
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
    return this;
  }

  async stop() {
    this.cutAll();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  open(name) {
    this.gates.add(name);
    this.wake();
  }

  wake() {
    for (const check of this.waiting.splice(0)) check();
  }

  async passed(name, turn) {
    while (!this.gates.has(name) && !turn.cancelled) await new Promise((resolve) => this.waiting.push(resolve));
  }

  cutAll() {
    for (const session of this.sessions.values()) for (const socket of session.sockets) socket.cut();
  }

  upgrade(request, socket) {
    socket.on('error', () => {});
    const hasVoice = request.url === '/ws/voice' && this.voice !== null;
    if (!this.available || !(hasVoice || request.url === '/ws/chat')) return socket.destroy();
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);
    this.handshakes.push(offered);
    const [, token, lastId] = /^mr\.resume\.(.+)\.(\d+-\d+)$/.exec(offered.find((entry) => entry.startsWith('mr.resume.')) ?? '') ?? [];
    const known = token ? this.sessions.get(token) : undefined;
    const session = known ?? new Session(this);
    this.sessions.set(session.token, session);
    const peer = new ServerSocket(request, socket, 'mr.v2');
    peer.hasVoice = hasVoice;
    session.attach(peer, known ? lastId : null, Boolean(known) && this.recover);
  }

  serve(request, response) {
    const url = new URL(request.url, 'http://localhost').pathname;
    const [root, name] = url.startsWith('/client/') ? [path.join(kWeb, 'client'), url.slice(8)] : url.startsWith('/vendor/') ? [this.vendor, url.slice(8)] : [path.join(kWeb, 'page'), url.slice(1) || 'index.html'];
    const file = root && path.join(root, path.normalize(`/${name}`));
    if (!file || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': kTypes[path.extname(file)] ?? 'application/octet-stream', 'content-encoding': 'gzip', 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    const entry = { url, bytes: 0 };
    this.served.push(entry);
    const zip = createGzip({ level: 6 });
    zip.on('data', (data) => (entry.bytes += data.length));
    createReadStream(file).pipe(zip).pipe(response);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const gateway = new Gateway({ vendor: process.argv[3] });
  const chunks = answerEvents().filter((event) => event.type === 'text_chunk').flatMap((event) => event.content.match(/\S+\s*|\s+/g));
  gateway.script = () => answerEvents({ chunks });
  gateway.pace = () => new Promise((resolve) => setTimeout(resolve, 60));
  gateway.voice = { transcripts: ['How much have we invoiced on the Harbor Point project?', 'And what is still open?'], segments: [['On Harbor Point we have invoiced', 2], ['one point eight million dollars so far.', 2]] };
  await gateway.start(Number(process.argv[2] ?? 8090));
  console.log(`ready ${gateway.url}`);
}
