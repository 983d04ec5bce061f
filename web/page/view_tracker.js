// The phase tracker of one turn: four rows with their state and time, the tools beneath the
// routing row, all folded into one line when the answer is there. Draws; decides nothing.

import { isTerminal } from '/client/index.js';
import { h, icon, setHidden, setText } from './dom.js';
import { count, duration } from './format.js';
import { ToolView } from './view_tool.js';

const kPhases = {
  project_resolution: { label: 'Identifying Projects', icon: 'target' },
  routing: { label: 'Analyzing Question', icon: 'route' },
  merge: { label: 'Synthesizing', icon: 'merge' },
  response: { label: 'Composing Answer', icon: 'pen' },
};
const kToolPhase = 'routing';
const kStateWord = { running: 'running', ok: 'done', degraded: 'partly done', skipped: 'skipped', error: 'failed', cancelled: 'stopped' };
const kStateIcon = { ok: 'check', degraded: 'check', skipped: 'dash', error: 'cross', cancelled: 'stop' };
const kMaxNames = 3;

/** The state of a phase or tool as icon and hidden word: never colour alone. */
export function stateMark(status) {
  const mark = status === 'running' ? h('span.spinner', { 'aria-hidden': 'true' }) : icon(kStateIcon[status] ?? 'clock');
  return h('span.mark', { 'data-status': status }, mark, h('span.vh', {}, `${kStateWord[status] ?? status}: `));
}

// What a finished phase found out, in a few words.
function finding(phase) {
  const data = phase.data ?? {};
  if (phase.status === 'skipped') return 'Not needed';
  if (phase.error) return typeof phase.error === 'string' ? phase.error : (phase.error.message ?? '');
  if (phase.id === 'project_resolution') {
    const names = Array.isArray(data.projects) ? data.projects.map(String) : [];
    if (names.length === 0) return phase.data ? 'No particular project' : '';
    const more = names.length > kMaxNames ? ` and ${names.length - kMaxNames} more` : '';
    return names.slice(0, kMaxNames).join(', ') + more;
  }
  if (phase.id === 'routing') return typeof data.reasoning === 'string' ? data.reasoning : '';
  if (phase.id === 'merge' && Number.isInteger(data.insights_count)) return count(data.insights_count, 'insight');
  return '';
}

class PhaseView {
  constructor(id, message) {
    this.mark = stateMark('running');
    this.time = h('span.time');
    this.detail = h('p.finding', { hidden: true });
    const known = kPhases[id];
    const line = h('div.phase-line', {}, this.mark, icon(known?.icon ?? 'route'), h('span.label', {}, known?.label ?? message), this.time);
    this.root = h('li.phase', {}, line, this.detail);
  }

  update(phase) {
    if (phase === this.phase) return;
    if (phase.status !== this.phase?.status) {
      const mark = stateMark(phase.status);
      this.mark.replaceWith(mark);
      this.mark = mark;
      this.root.dataset.status = phase.status;
    }
    this.phase = phase;
    const text = finding(phase);
    setText(this.detail, text);
    setHidden(this.detail, text === '');
    this.tick(Date.now());
  }

  tick(now) {
    const { phase } = this;
    const running = phase.status === 'running' && phase.startedAt !== null;
    setText(this.time, duration(running ? Math.max(0, now - phase.startedAt) : phase.durationMs));
  }
}

export class TrackerView {
  constructor() {
    this.state = stateMark('running');
    this.words = h('span.words');
    this.time = h('span.time');
    this.phases = h('ol.phases');
    this.tools = h('ul.tools', { 'aria-label': 'Tools' });
    const summary = h('summary', {}, this.state, this.words, this.time);
    this.root = h('details.tracker', { open: true }, summary, this.phases);
    this.folded = false;
    this.byPhase = new Map();
    this.byTool = new Map();
  }

  update(turn) {
    const before = this.turn;
    this.turn = turn;
    for (const phase of turn.phases) this.updatePhase(phase);
    if (turn.tools !== before?.tools) this.updateTools(turn);
    const over = isTerminal(turn);
    // Folds once, when the answer begins, so that the text stands still; what the reader opens or
    // closes later stays so.
    if (!this.folded && (over || turn.text !== '')) {
      this.folded = true;
      this.root.open = false;
    }
    const status = over ? { done: 'ok', partial: 'degraded' }[turn.status] ?? turn.status : 'running';
    if (status !== this.status) {
      const mark = stateMark(status);
      this.state.replaceWith(mark);
      this.state = mark;
      this.status = status;
    }
    setText(this.words, over ? this.outcome() : this.activity());
    setHidden(this.root, over && turn.phases.length === 0);
    this.tick(Date.now());
  }

  updatePhase(phase) {
    let view = this.byPhase.get(phase.id);
    if (!view) {
      view = new PhaseView(phase.id, phase.message);
      this.byPhase.set(phase.id, view);
      this.phases.append(view.root);
      if (phase.id === kToolPhase) view.root.append(this.tools);
    }
    view.update(phase);
  }

  updateTools(turn) {
    if (turn.tools.length > 0 && !this.tools.parentNode) this.phases.append(h('li.phase', {}, this.tools));
    for (const tool of turn.tools) {
      let view = this.byTool.get(tool.id);
      if (!view) {
        view = new ToolView();
        this.byTool.set(tool.id, view);
        this.tools.append(view.root);
      }
      view.update(tool);
    }
  }

  activity() {
    const { turn } = this;
    if (turn.cancelRequested) return 'Stopping…';
    if (turn.status === 'waiting') return 'Waiting for the connection';
    if (turn.status === 'sending') return 'Sending…';
    if (turn.status === 'queued') return turn.queuePosition > 0 ? `Waiting for a free worker, position ${turn.queuePosition}` : 'Waiting for a free worker';
    const tool = turn.tools.findLast((entry) => entry.status === 'running');
    if (tool) return tool.progress?.message || tool.message;
    const phase = turn.phases.findLast((entry) => entry.status === 'running');
    return phase ? phase.message : 'Working…';
  }

  outcome() {
    const { turn } = this;
    const parts = [count(turn.phases.length, 'phase')];
    if (turn.tools.length > 0) parts.push(count(turn.tools.length, 'tool'));
    const failed = turn.tools.filter((tool) => tool.status === 'error' || tool.status === 'timeout').length;
    if (failed > 0) parts.push(`${failed} failed`);
    if (turn.attempt > 1) parts.push(`attempt ${turn.attempt}`);
    const total = turn.timings?.total_ms ?? (turn.marks.ended ?? 0) - turn.marks.asked;
    if (total > 0) parts.push(duration(total));
    return parts.join(' · ');
  }

  /** Moves the running clocks. */
  tick(now) {
    const { turn } = this;
    if (isTerminal(turn)) {
      setText(this.time, '');
      return;
    }
    setText(this.time, turn.marks.asked > 0 ? duration(Math.max(0, now - turn.marks.asked)) : '');
    for (const view of this.byPhase.values()) view.tick(now);
    for (const view of this.byTool.values()) view.tick(now);
  }
}
