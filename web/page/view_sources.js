// The numbered source list of one answer, and the citations in its text that point to it.

import { h, safeUrl, setHidden } from './dom.js';
import { count } from './format.js';

export class SourcesView {
  /** @param {string} prefix makes the ids of the list items unique on the page */
  constructor(prefix) {
    this.prefix = prefix;
    this.sources = [];
    this.title = h('h4.sources-title');
    this.list = h('ol.source-list');
    this.root = h('section.sources', { hidden: true }, this.title, this.list);
  }

  update(sources) {
    if (sources === this.sources) return;
    this.sources = sources;
    this.title.textContent = count(sources.length, 'source');
    this.list.replaceChildren(...sources.map((source, index) => this.item(source ?? {}, index + 1)));
    setHidden(this.root, sources.length === 0);
  }

  item(source, number) {
    const href = safeUrl(source.url);
    const title = String(source.title || source.id || `Source ${number}`);
    const name = href ? h('a', { href, rel: 'noopener noreferrer', target: '_blank' }, title) : h('span.source-name', {}, title);
    const snippet = source.snippet ? h('p.snippet', {}, String(source.snippet)) : null;
    return h('li', { id: `${this.prefix}-${number}`, tabindex: -1 }, h('span.number', { 'aria-hidden': 'true' }, String(number)), h('div', {}, name, snippet));
  }

  /** The node for "[n]" in the answer. The list may come later: the target is looked up on click. */
  citation(number) {
    const show = (event) => {
      event.preventDefault();
      const target = document.getElementById(`${this.prefix}-${number}`);
      if (!target) return;
      target.scrollIntoView({ block: 'nearest' });
      target.focus({ preventScroll: true });
      target.classList.add('flash');
      setTimeout(() => target.classList.remove('flash'), 1500);
    };
    return h('a.citation', { href: `#${this.prefix}-${number}`, 'aria-label': `Source ${number}`, onclick: show }, `[${number}]`);
  }
}
