// An AudioContext on the clock of a fake world: what was scheduled can be read, what has been played ends.

class Param {
  constructor() {
    this.events = [];
  }

  setValueAtTime(value, at) {
    this.events.push(['set', value, at]);
  }

  linearRampToValueAtTime(value, at) {
    this.events.push(['ramp', value, at]);
  }
}

export class FakeAudioContext {
  constructor(world) {
    this.world = world;
    this.begin = world.now();
    this.sources = [];
    this.gains = [];
    this.destination = {};
    this.outputLatency = 0;
  }

  get currentTime() {
    return (this.world.now() - this.begin) / 1000;
  }

  createBuffer(channels, length, sampleRate) {
    return { length, sampleRate, copyToChannel() {} };
  }

  createGain() {
    const node = { gain: new Param(), connect() {} };
    this.gains.push(node);
    return node;
  }

  createBufferSource() {
    const { world } = this;
    const source = {
      connect() {},
      start: (at, offset = 0) => {
        source.startsAt = at;
        source.offset = offset;
        const ends = at + source.buffer.length / source.buffer.sampleRate - offset;
        world.setTimeout(() => source.stopsAt === undefined && source.onended?.(), Math.round((ends - this.currentTime) * 1e6) / 1e3);
      },
      stop: (at) => {
        source.stopsAt = at;
        world.setTimeout(() => source.onended?.(), (at - this.currentTime) * 1000);
      },
    };
    this.sources.push(source);
    return source;
  }
}
