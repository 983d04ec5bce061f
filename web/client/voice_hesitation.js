// When an answer falls silent for somebody who may be about to interrupt it, and for how long: at once for what
// the page's own ear has heard, which is a guess; for longer when the server hears somebody as well. Knows when,
// not how: neither sound nor messages.

/** A pause for somebody who then says nothing that is understood is over after so long. */
export const kMaxPauseMs = 6_000;
/** A pause for what the ear alone has heard: the server says within this that somebody speaks, or it is over. */
export const kMaxGuessMs = 600;
/** As long as the ear goes on hearing somebody, the server may take so long in all. */
export const kMaxSpeakingMs = 1_500;
/** After so many pauses for nobody only the server is believed, until the next answer. */
export const kMaxMistakes = 3;
/** What the server hears so long after such a pause was what the ear had heard. */
export const kLateMs = 1_500;

export class Hesitation {
  /**
   * @param {object} options
   * @param {() => void} options.onSilence what is being spoken is to pause
   * @param {() => void} options.onGoOn nobody has said anything: on from where it was
   * @param {(what: 'mistaken'|'right') => void} options.onJudged of the ear's last word; `right` takes a
   *   `mistaken` back
   */
  constructor({ env, onSilence, onGoOn, onJudged }) {
    this.env = env;
    this.onSilence = onSilence;
    this.onGoOn = onGoOn;
    this.onJudged = onJudged;
    this.waitsFor = null; // what the silence is for: 'ear', 'server'; null: there is none
    this.timer = undefined;
    this.beganAt = 0;
    this.turnId = null; // whose mistakes are counted
    this.mistakes = 0;
    this.mistakenAt = -Infinity; // the end of the last silence for nobody
  }

  /** The ear: somebody begins to speak while that turn is spoken. `known`: the server hears somebody already. */
  begins(turnId, known) {
    if (this.waitsFor !== null) return;
    if (this.turnId !== turnId) {
      this.turnId = turnId;
      this.mistakes = 0;
      this.mistakenAt = -Infinity;
    }
    if (this.mistakes >= kMaxMistakes) return;
    this.beganAt = this.env.now();
    this.wait(known ? 'server' : 'ear', known ? kMaxPauseMs : kMaxGuessMs);
    this.onSilence();
  }

  /** The ear: he goes on. */
  goesOn() {
    if (this.waitsFor !== 'ear') return;
    const left = kMaxSpeakingMs - (this.env.now() - this.beganAt);
    this.wait('ear', Math.min(kMaxGuessMs, Math.max(0, left)));
  }

  /** The server hears somebody: perhaps whom the ear had heard and was not believed. */
  confirmed(somethingIsSpoken) {
    if (this.env.now() - this.mistakenAt < kLateMs) {
      this.mistakes -= 1;
      this.mistakenAt = -Infinity;
      this.onJudged('right');
    }
    if (!somethingIsSpoken || this.waitsFor === 'server') return;
    const isSilent = this.waitsFor !== null;
    this.wait('server', kMaxPauseMs);
    if (!isSilent) this.onSilence();
  }

  /** It is known whether there are words, or what was spoken is over. */
  end() {
    this.env.clearTimeout(this.timer);
    this.timer = undefined;
    this.waitsFor = null;
  }

  wait(reason, ms) {
    this.end();
    this.waitsFor = reason;
    this.timer = this.env.setTimeout(() => this.inVain(), ms);
  }

  inVain() {
    if (this.waitsFor === 'ear') {
      this.mistakes += 1;
      this.mistakenAt = this.env.now();
      this.onJudged('mistaken');
    }
    this.end();
    this.onGoOn();
  }
}
