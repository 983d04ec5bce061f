// The panel of voice above the question field: level, live caption, what is being spoken, problems in words,
// and the two choices of the listener. Loaded with the first use of the microphone.

import { VoiceClient } from '/client/voice.js';
import { spokenSegment } from '/client/voice_state.js';
import { h, icon, recall, remember, setHidden, setText } from './dom.js';
import { SpokenMark } from './spoken_mark.js';

const kHelp = 'microphone.html';
const kSpeeds = [0.8, 1, 1.2];
const kFullLevel = 0.25; // of 1: loud speech into a near microphone

const kProblems = {
  denied: ['The browser does not let this page use the microphone.', true],
  no_device: ['No microphone was found.', true],
  busy: ['The microphone cannot be opened. Another program may be using it.', true],
  insecure: ['The microphone needs a secure connection (https) and a current browser.', true],
  device_lost: ['The microphone is gone: it was unplugged or switched off.', true],
  voice_unavailable: ['Voice is not available at the moment. You can type your question.', false],
  voice_lost: ['The server does not answer to the microphone. You can type, or try again.', false],
  bad_format: ['The server does not take the sound of this browser.', false],
};

/** What to say about a problem, and whether the help page knows more. Pure. */
export function problemText({ code, message }) {
  const [text, help] = Object.hasOwn(kProblems, code) ? kProblems[code] : ['The microphone could not be started.', true];
  if (code !== 'voice_unavailable' || !message) return [text, help];
  return [`${message.replace(/[.\s]+$/, '')}. You can type your question.`, help];
}

/** The line beside the microphone; `speech`: whether answers are to be spoken. Pure. */
export function statusText({ mic, mode, note, engine, speaks }, speech) {
  if (mic === 'opening') return 'Opening the microphone…';
  if (mic === 'on' && mode === 'ptt') return 'Listening: release Space to send';
  if (mic === 'on') return speech && engine !== null && !speaks ? 'Listening. Answers are not spoken here.' : 'Listening';
  if (mic === 'stopping') return 'One moment…';
  if (note === 'nothing_heard') return 'Nothing was heard. Hold Space while you speak.';
  if (note === 'taken') return 'The microphone is on in another window.';
  return note === 'overrun' ? 'The connection is too slow for sound.' : 'Microphone off';
}

export class VoiceView {
  constructor({ client, announcer, answerOf, asked }, button, audioContext) {
    this.announcer = announcer;
    this.asked = asked;
    this.button = button;
    this.mark = new SpokenMark(answerOf);
    const speed = Number(recall('mr-ws speed')) || 1;
    this.voice = new VoiceClient({ client, audioContext, speech: recall('mr-ws speech') !== 'off', speed: kSpeeds.includes(speed) ? speed : 1 });
    this.seen = this.voice.state;
    this.frame = 0;
    this.build();
    this.voice.subscribe(() => this.schedule());
    client.subscribe(() => this.schedule());
    setHidden(this.root, false);
    this.draw();
  }

  build() {
    this.root = document.getElementById('voice');
    this.meter = h('span.meter', { 'aria-hidden': 'true' }, h('span'));
    this.status = h('span.voice-status');
    this.caption = h('p.caption', { 'data-final': 'false' });
    this.sound = h('button.quiet', { type: 'button', onclick: () => this.choose(!this.voice.speech, this.voice.speed) }, icon('sound'), h('span.wide', {}, 'Read aloud'));
    this.sound.setAttribute('aria-label', 'Read aloud');
    const options = kSpeeds.map((speed) => h('option', { value: String(speed) }, `${speed}×`));
    this.speed = h('select.speed', { 'aria-label': 'Speed of speech', onchange: () => this.choose(this.voice.speech, Number(this.speed.value)) }, options);
    this.speed.value = String(this.voice.speed);
    this.problemWords = h('span');
    this.help = h('a', { href: kHelp, target: '_blank', rel: 'noopener' }, 'What helps');
    this.problem = h('div.voice-problem', { hidden: true }, h('p', {}, this.problemWords, ' ', this.help), h('button.quiet', { type: 'button', 'aria-label': 'Dismiss', onclick: () => this.voice.dismiss() }, icon('cross')));
    this.spokenText = h('span.spoken-text');
    this.spokenWord = h('span.spoken-word');
    this.speaking = h('button.speaking', { type: 'button', hidden: true, onclick: () => this.interrupt() }, icon('sound'), this.spokenWord, this.spokenText, h('span.spoken-hint', {}, 'Tap to stop'));
    this.root.append(this.problem, this.speaking, h('div.voice-row', {}, this.meter, h('div.voice-words', {}, this.status, this.caption), this.sound, this.speed));
  }

  toggle() {
    const { mic } = this.voice.state;
    if (mic === 'opening' || mic === 'on') this.voice.stop();
    else this.voice.start('auto');
  }

  hold() {
    const { mic } = this.voice.state;
    this.holding = mic === 'off' || mic === 'stopping';
    if (this.holding) this.voice.start('ptt');
  }

  release() {
    if (this.holding) this.voice.stop();
    this.holding = false;
  }

  interrupt() {
    return this.voice.interrupt();
  }

  close() {
    this.voice.close();
  }

  choose(speech, speed) {
    this.voice.setSpeech(speech, speed);
    remember('mr-ws speech', speech ? null : 'off');
    remember('mr-ws speed', speed === 1 ? null : String(speed));
    this.draw();
  }

  schedule() {
    this.announce();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  // Boundaries only: on, off, what was understood, what went wrong.
  announce() {
    const { state } = this.voice;
    const before = this.seen;
    this.seen = state;
    if (state === before) return;
    if (state.problem && state.problem !== before.problem) this.announcer.warn(problemText(state.problem)[0]);
    else if (state.mic === 'on' && before.mic !== 'on') this.announcer.say('Listening');
    else if (state.note !== before.note && state.note !== '') this.announcer.say(statusText(state, this.voice.speech));
    else if (state.caption?.final && state.caption !== before.caption && state.caption.text) {
      this.announcer.say(`Heard: ${state.caption.text}`);
      this.asked();
    } else if (state.mic === 'off' && before.mic !== 'off') this.announcer.say('Microphone off');
  }

  draw() {
    const { state, level, speech } = this.voice;
    const on = state.mic === 'opening' || state.mic === 'on';
    this.button.setAttribute('aria-pressed', String(on));
    this.root.dataset.mic = state.mic;
    this.root.toggleAttribute('data-hearing', state.hearing);
    this.meter.style.setProperty('--level', on ? Math.min(1, level / kFullLevel).toFixed(2) : '0');
    this.status.title = state.engine ? `Recognition: ${state.engine}` : '';
    const text = state.caption?.text ?? '';
    setText(this.status, statusText(state, speech));
    setText(this.caption, text);
    setHidden(this.caption, text === '');
    this.caption.dataset.final = String(state.caption?.final ?? false);
    this.sound.setAttribute('aria-pressed', String(speech));
    setHidden(this.problem, state.problem === null);
    if (state.problem) {
      const [words, help] = problemText(state.problem);
      setText(this.problemWords, words);
      setHidden(this.help, !help);
    }
    this.drawSpeech(state);
  }

  drawSpeech(state) {
    const segment = spokenSegment(state);
    setHidden(this.speaking, segment === null);
    this.mark.show(segment === null || segment.kind !== 'answer' ? null : state.speech.turnId, segment);
    if (segment === null) return;
    const word = segment.kind === 'progress' ? 'Working' : 'Speaking';
    setText(this.spokenWord, state.speech.paused ? 'Paused' : word);
    setText(this.spokenText, segment.text);
  }
}
