// A small WebSocket server side (RFC 6455) on node's http upgrade, for the mock gateway: text and
// binary frames, ping, close, and the power to cut the connection. Trusts its client: tests only.

import { createHash } from 'node:crypto';

const kGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export class ServerSocket {
  /** Answers the upgrade request and takes the socket over. */
  constructor(request, socket, protocol) {
    this.socket = socket;
    this.open = true;
    this.buffer = Buffer.alloc(0);
    this.parts = [];
    this.binary = false; // what is being put together
    this.onText = () => {};
    this.onBinary = () => {};
    this.onClose = () => {};
    const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + kGuid).digest('base64');
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    if (protocol) head.push(`Sec-WebSocket-Protocol: ${protocol}`);
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.setNoDelay(true);
    socket.on('data', (data) => this.receive(data));
    socket.on('error', () => {});
    socket.on('close', () => this.ended());
  }

  sendText(text) {
    if (this.open) this.write(1, Buffer.from(text));
  }

  sendBinary(bytes) {
    if (this.open) this.write(2, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  close(code) {
    if (!this.open) return;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.write(8, payload);
    this.socket.end();
  }

  /** Cuts the TCP connection without a word. */
  cut() {
    this.open = false;
    this.socket.destroy();
  }

  ended() {
    this.open = false;
    this.onClose();
  }

  write(opcode, payload) {
    const { length } = payload;
    const head = length < 126 ? Buffer.from([0x80 | opcode, length]) : length < 65536 ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]) : Buffer.alloc(10);
    if (length >= 65536) {
      head[0] = 0x80 | opcode;
      head[1] = 127;
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    this.socket.write(Buffer.concat([head, payload]));
  }

  receive(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      const frame = readFrame(this.buffer);
      if (frame === null) return;
      this.buffer = this.buffer.subarray(frame.size);
      if (frame.opcode === 8) return this.close(1000);
      if (frame.opcode === 9) this.write(10, frame.payload);
      if (frame.opcode > 2) continue;
      if (frame.opcode > 0) this.binary = frame.opcode === 2;
      this.parts.push(frame.payload);
      if (!frame.fin) continue;
      const message = Buffer.concat(this.parts.splice(0));
      if (this.binary) this.onBinary(message);
      else this.onText(message.toString());
    }
  }
}

function readFrame(buffer) {
  if (buffer.length < 2) return null;
  let length = buffer[1] & 127;
  let at = 2;
  if (length === 126) {
    if (buffer.length < 4) return null;
    length = buffer.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (buffer.length < 10) return null;
    length = Number(buffer.readBigUInt64BE(2));
    at = 10;
  }
  if (buffer.length < at + 4 + length) return null;
  const mask = buffer.subarray(at, at + 4);
  const payload = Buffer.from(buffer.subarray(at + 4, at + 4 + length));
  for (let index = 0; index < length; index += 1) payload[index] ^= mask[index & 3];
  return { fin: (buffer[0] & 128) !== 0, opcode: buffer[0] & 15, payload, size: at + 4 + length };
}
