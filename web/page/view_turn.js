// One question with everything that answers it. Applies a turn's state to its nodes; nodes once
// made are kept, so nothing the reader opened, selected or focused is lost while text streams.

import { isTerminal } from '/client/index.js';
import { copyButton, h, icon, setHidden, setText } from './dom.js';
import { SourcesView } from './view_sources.js';
import { TrackerView } from './view_tracker.js';

let made = 0;

/** What is to be said under an answer that did not end well; "" when it did. */
export function outcomeText(turn) {
  if (turn.status === 'cancelled') {
    const why = { timeout: 'Stopped: it took too long.', disconnect: 'Stopped: nobody was connected.', superseded: 'Stopped for the next question.' };
    return why[turn.cancelledBy] ?? 'Stopped.';
  }
  if (turn.error?.code === 'connection_lost') {
    return turn.text ? 'The connection was lost before the answer was complete.' : 'The connection was lost before there was an answer.';
  }
  if (turn.status === 'error') return turn.error?.message || 'The question could not be answered.';
  if (turn.status === 'partial') return turn.error?.message || 'This answer is not complete.';
  return turn.incomplete && isTerminal(turn) ? 'A part of this answer was lost on the way.' : '';
}

// The server ends a failed or stopped answer with words of its own: not the same again beneath them.
function noteText(turn) {
  const text = outcomeText(turn);
  if (text === '' || !turn.text.trimEnd().endsWith(text)) return text;
  return turn.status === 'error' ? 'This answer ended with an error.' : '';
}

export class TurnView {
  /** @param {{regenerate: Function, rate: Function}} actions given the turn's key */
  constructor(key, actions) {
    this.key = key;
    this.actions = actions;
    this.turn = null;
    this.charts = new Map();
    made += 1;
    this.question = h('p.question-text');
    this.tracker = new TrackerView();
    this.chartBox = h('div.charts');
    this.answer = h('div.answer', { 'aria-busy': 'false' });
    this.note = h('p.note', { hidden: true });
    this.sources = new SourcesView(`source-${made}`);
    this.markdown = null; // once loaded
    this.rendered = false; // with what there is to render it
    this.bar = h('div.actions', { hidden: true });
    this.foot = h('div.foot');
    const asked = h('div.question', {}, h('h2.vh', {}, `Question ${made}`), this.question);
    const reply = h('div.reply', {}, h('h3.vh', {}, `Answer ${made}`), this.tracker.root, this.chartBox, this.answer, this.note, this.sources.root, this.bar, this.foot);
    this.root = h('article.turn', {}, asked, reply);
    this.loadMarkdown();
  }

  // With the first question, like the lexer it uses. Where it cannot be had the text is shown as it is.
  async loadMarkdown() {
    const loaded = await import('./markdown.js').catch(() => null);
    const { answer } = this;
    this.markdown = loaded ? new loaded.MarkdownView(answer, (number) => this.sources.citation(number)) : { update: (text) => setText(answer, text), finish() {} };
    answer.classList.toggle('plain', loaded === null);
    if (this.turn) this.updateText(this.turn, null);
    if (loaded) this.markdown.use(await loaded.loadMarked());
    this.rendered = true;
    if (this.turn) this.updateBusy();
  }

  update(turn) {
    if (turn === this.turn) return;
    const before = this.turn;
    this.turn = turn;
    this.root.dataset.status = turn.status;
    setText(this.question, turn.question ?? 'A question asked in another window');
    this.question.classList.toggle('unknown', turn.question === null);
    this.tracker.update(turn);
    this.sources.update(turn.sources);
    if (turn.charts !== before?.charts) this.updateCharts(turn.charts);
    const over = isTerminal(turn);
    if (this.markdown) this.updateText(turn, before);
    this.updateBusy();
    this.answer.classList.toggle('caret', turn.status === 'streaming');
    this.updateOutcome(turn, over);
  }

  // Complete and as it will stay.
  updateBusy() {
    const busy = String(!(this.rendered && isTerminal(this.turn)));
    if (this.answer.getAttribute('aria-busy') !== busy) this.answer.setAttribute('aria-busy', busy);
  }

  updateText(turn, before) {
    if (turn.text !== before?.text) this.markdown.update(turn.text);
    if (isTerminal(turn) && (!before || !isTerminal(before) || turn.text !== before.text)) this.markdown.finish();
  }

  // The drawing code is loaded with the first chart; a slot of its height holds the place.
  updateCharts(charts) {
    for (const chart of charts) {
      const known = this.charts.get(chart.id);
      if (known?.chart === chart) continue;
      const entry = { chart, root: h('div.card.stage'), view: null };
      if (known) known.root.replaceWith(entry.root);
      else this.chartBox.append(entry.root);
      this.charts.set(chart.id, entry);
      this.drawChart(entry);
    }
  }

  async drawChart(entry) {
    const { ChartView } = await import('./view_chart.js');
    entry.view = new ChartView(entry.chart);
    entry.root.replaceWith(entry.view.root);
    entry.root = entry.view.root;
  }

  updateOutcome(turn, over) {
    const text = noteText(turn);
    setText(this.note, text);
    setHidden(this.note, text === '');
    this.note.dataset.kind = turn.status;
    setHidden(this.bar, !over);
    if (!over) return;
    if (this.bar.childElementCount === 0) this.fillBar();
    setHidden(this.copy, turn.text === '');
    for (const button of [this.good, this.bad]) setHidden(button, turn.turnId === null || turn.archived);
    this.good.setAttribute('aria-pressed', String(turn.rating === 1));
    this.bad.setAttribute('aria-pressed', String(turn.rating === -1));
    if (turn.timings || turn.voice) this.showLatency();
  }

  // Loaded with the first answer that has ended. What was measured of the voice may come later.
  async showLatency() {
    const { latencyView } = await import('./view_latency.js');
    const { turn } = this; // the newest: several may have waited here
    const heard = `${turn.voice?.voice_to_voice_ms} ${turn.marks.heardMs}`;
    if (this.foot.childElementCount > 0 && this.foot.dataset.heard === heard) return;
    this.foot.dataset.heard = heard;
    this.foot.replaceChildren(latencyView(turn));
  }

  fillBar() {
    const tool = (name, glyph, onclick, more = {}) => h('button.quiet', { type: 'button', 'aria-label': name, title: name, onclick, ...more }, icon(glyph));
    this.copy = copyButton(() => this.turn.text);
    this.good = tool('Good answer', 'up', () => this.actions.rate(this.key, 1), { 'aria-pressed': 'false' });
    this.bad = tool('Bad answer', 'down', () => this.actions.rate(this.key, -1), { 'aria-pressed': 'false' });
    const again = h('button.quiet', { type: 'button', onclick: () => this.actions.regenerate(this.key) }, icon('again'), h('span', {}, 'Ask again'));
    this.bar.append(this.copy, again, this.good, this.bad);
  }

  redrawCharts() {
    for (const entry of this.charts.values()) entry.view?.draw();
  }

  tick(now) {
    if (this.turn) this.tracker.tick(now);
  }
}
