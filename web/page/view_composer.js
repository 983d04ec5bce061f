// The question field: keys, growth, Send and Stop. Owns its own nodes only; what a question or a
// stop means is its owner's business.

import { icon, setHidden, setText } from './dom.js';

const kMaxHeightPx = 200;
export const kMaxQuestionChars = 8000;

export class ComposerView {
  /**
   * @param {object} actions
   * @param {(text: string, edits: string|null) => boolean} actions.send false leaves the text in place
   * @param {() => boolean} actions.stop false when nothing was there to stop
   * @param {() => ({key: string, question: string}|null)} actions.last the last question, for editing
   */
  constructor(actions) {
    this.actions = actions;
    this.form = document.getElementById('composer');
    this.field = document.getElementById('question');
    this.note = document.getElementById('composer-note');
    this.send = document.getElementById('send');
    this.stop = document.getElementById('stop');
    this.edits = null;
    this.busy = false;
    this.field.maxLength = kMaxQuestionChars;
    this.send.append(icon('send'));
    this.stop.append(icon('stop'));
    this.send.setAttribute('aria-label', 'Send');
    this.stop.setAttribute('aria-label', 'Stop');
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.stop.addEventListener('click', () => {
      actions.stop();
      this.field.focus();
    });
    this.field.addEventListener('input', () => this.changed());
    this.field.addEventListener('keydown', (event) => this.fieldKey(event));
    document.addEventListener('keydown', (event) => this.pageKey(event));
    this.changed();
  }

  setBusy(busy) {
    if (busy === this.busy) return;
    this.busy = busy;
    this.changed();
  }

  fill(text, edits = null) {
    this.field.value = text;
    this.edits = edits;
    setText(this.note, edits ? 'Editing your last question. Esc leaves it as it was.' : '');
    setHidden(this.note, edits === null);
    this.changed();
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
  }

  submit() {
    const text = this.field.value.trim();
    if (text === '' || !this.actions.send(text, this.edits)) return;
    this.fill('');
  }

  // While an answer runs, Stop stands in place of Send until there is something new to send.
  changed() {
    const empty = this.field.value.trim() === '';
    this.send.disabled = empty;
    setHidden(this.stop, !(this.busy && empty));
    setHidden(this.send, this.busy && empty);
    this.field.style.height = 'auto';
    this.field.style.height = `${Math.min(this.field.scrollHeight, kMaxHeightPx)}px`;
  }

  fieldKey(event) {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === 'ArrowUp' && this.field.value === '') {
      const last = this.actions.last();
      if (!last) return;
      event.preventDefault();
      this.fill(last.question, last.key);
    }
  }

  pageKey(event) {
    if (event.isComposing || event.defaultPrevented) return;
    if (event.key === 'Escape') {
      if (this.edits !== null) this.fill('');
      else if (this.actions.stop()) event.preventDefault();
      return;
    }
    const inField = event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]');
    const wanted = (event.key === 'k' && (event.ctrlKey || event.metaKey)) || (event.key === '/' && !inField && !event.ctrlKey && !event.metaKey && !event.altKey);
    if (!wanted) return;
    event.preventDefault();
    this.field.focus();
  }
}
