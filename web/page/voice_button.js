// The microphone button and the Space key. Everything behind them is loaded with their first use; what can
// only be done inside the user's gesture, and the question whether the key is still down, is here.

import { icon, setHidden } from './dom.js';

const kTakesSpace = 'input, textarea, select, button, a, summary, [contenteditable], [tabindex]';

export class VoiceButton {
  /**
   * @param {object} page
   * @param {import('/client/index.js').MrClient} page.client
   * @param {import('./view_status.js').Announcer} page.announcer
   * @param {(turnId: string) => Element|null} page.answerOf the written answer of a turn
   * @param {() => void} page.asked a question has been spoken
   */
  constructor(page) {
    this.page = page;
    this.button = document.getElementById('mic');
    this.button.append(icon('mic'));
    this.button.setAttribute('aria-label', 'Microphone');
    this.button.setAttribute('aria-pressed', 'false');
    this.button.title = 'Ask by voice';
    this.held = false;
    this.view = null; // once loaded
    this.loading = null;
    this.audio = null;
    if (page.client.voiceUrl === null) return;
    setHidden(this.button, false);
    setHidden(document.getElementById('voice-key'), false);
    this.button.addEventListener('click', () => this.use((view) => view.toggle()));
    document.addEventListener('keydown', (event) => this.keydown(event));
    document.addEventListener('keyup', (event) => event.code === 'Space' && this.release());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && this.release());
    window.addEventListener('blur', () => this.release());
  }

  keydown(event) {
    if (event.code !== 'Space' || event.isComposing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest(kTakesSpace)) return;
    event.preventDefault(); // neither scroll nor press
    if (event.repeat || this.held) return;
    this.held = true;
    this.use((view) => this.held && view.hold());
  }

  release() {
    if (!this.held) return;
    this.held = false;
    this.view?.release();
  }

  /** Ends what is being spoken; false when nothing was. */
  interrupt() {
    return this.view?.interrupt() ?? false;
  }

  /** Ends everything of voice. */
  close() {
    this.view?.close();
  }

  // Sound may be played only by a context that a gesture has made or woken.
  use(action) {
    this.audio ??= globalThis.AudioContext ? new AudioContext({ latencyHint: 'interactive' }) : null;
    this.audio?.resume();
    if (this.view) {
      action(this.view);
      return;
    }
    this.loading ??= import('./view_voice.js').then(({ VoiceView }) => (this.view = new VoiceView(this.page, this.button, () => this.audio)));
    this.loading.then(action, () => {
      this.loading = null;
      this.page.announcer.warn('Voice could not be loaded.');
    });
  }
}
