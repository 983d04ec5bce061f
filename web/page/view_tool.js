// One tool call: a line with state, name, summary and time, that opens to its details.

import { h, icon, setText } from './dom.js';
import { duration, heading } from './format.js';

const kTools = {
  vertex_search: { label: 'Documents', icon: 'search' },
  bigquery: { label: 'Analytics', icon: 'database' },
  claude_sql: { label: 'Analytics', icon: 'database' },
  hubspot: { label: 'CRM', icon: 'people' },
  powerbi: { label: 'Visualization', icon: 'chart' },
};
const kWord = { running: 'running', ok: 'done', error: 'failed', timeout: 'timed out', cancelled: 'stopped', skipped: 'skipped' };
const kIcon = { ok: 'check', error: 'cross', timeout: 'clock', cancelled: 'stop', skipped: 'dash' };

export class ToolView {
  constructor() {
    this.mark = h('span.mark');
    this.label = h('span.label');
    this.glyph = h('span.glyph');
    this.text = h('span.tool-text');
    this.time = h('span.time');
    this.body = h('div.tool-body');
    const summary = h('summary', {}, this.mark, this.glyph, this.label, this.text, this.time);
    this.details = h('details.tool', { ontoggle: () => this.fill() }, summary, this.body);
    this.root = h('li', {}, this.details);
  }

  update(tool) {
    if (tool === this.tool) return;
    if (tool.status !== this.tool?.status) {
      const mark = tool.status === 'running' ? h('span.spinner', { 'aria-hidden': 'true' }) : icon(kIcon[tool.status] ?? 'clock');
      this.mark.replaceChildren(mark, h('span.vh', {}, `${kWord[tool.status] ?? tool.status}: `));
      this.mark.dataset.status = tool.status;
    }
    const known = kTools[tool.name] ?? kTools[tool.tool.replace(/#\d+$/, '')];
    if (!this.tool) this.glyph.append(icon(known?.icon ?? 'route'));
    this.tool = tool;
    setText(this.label, known?.label ?? heading(tool.name));
    setText(this.text, tool.status === 'running' ? progressText(tool) : tool.summary);
    this.tick(Date.now());
    this.stale = true;
    if (this.details.open) this.fill();
  }

  tick(now) {
    const { tool } = this;
    const running = tool.status === 'running' && tool.startedAt !== null;
    setText(this.time, duration(running ? Math.max(0, now - tool.startedAt) : tool.durationMs));
  }

  // The inside is loaded and made when it is opened: most never are.
  async fill() {
    if (!this.details.open || !this.stale) return;
    this.stale = false;
    const { toolDetails } = await import('./view_tool_details.js');
    this.body.replaceChildren(...toolDetails(this.tool));
  }
}

function progressText(tool) {
  if (!tool.progress) return tool.message;
  const { message, done, total } = tool.progress;
  return Number.isFinite(done) && Number.isFinite(total) ? `${message} ${done} of ${total}` : message;
}
