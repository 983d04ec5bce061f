// Markdown as DOM nodes, growing with its text. marked only splits the text into tokens; the nodes
// are made here from an allow-list, so raw HTML, images and odd links can only appear as text.
// Without marked the text is shown as plain paragraphs.

import { copyButton, h, loadScript, safeUrl } from './dom.js';

const kLexerFile = '/vendor/marked.min.js';
const kMaxDepth = 24;
const kEntities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', ndash: '–', mdash: '—', hellip: '…', euro: '€', copy: '©' };

let lexer = null;

/** The lexer, loaded once, with the first question; null where it is not served. */
export function loadMarked() {
  lexer ??= loadScript(kLexerFile).then(() => globalThis.marked ?? null, () => null);
  return lexer;
}

/** HTML entities of Markdown text as the characters they stand for. */
export function decodeEntities(text) {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g, (whole, decimal, hex, name) => {
    if (name) return Object.hasOwn(kEntities, name) ? kEntities[name] : whole;
    const code = decimal ? Number(decimal) : parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '\ufffd';
  });
}

/**
 * Renders one growing text into `root`. Finished blocks are never touched again while the text
 * streams; `finish` compares every block once more with a parse of the whole, so that the result
 * depends on the text alone and not on how it was cut.
 */
export class MarkdownView {
  /** @param {(number: number) => Node} citation makes the node for "[n]" */
  constructor(root, citation) {
    this.root = root;
    this.citation = citation;
    this.marked = null;
    this.text = '';
    this.context = '';
    this.topHeading = 1;
    this.blocks = []; // { raw, type, depth, node }
    this.settled = 0; // blocks that will not change
    this.settledLength = 0; // text they cover
  }

  /** Takes the lexer, also while text is already shown; null keeps plain text. */
  use(marked) {
    this.marked = marked;
    if (marked && this.text !== '') this.finish();
  }

  update(source) {
    // What the lexer would normalise anyway is normalised first, so that it only cuts.
    const text = source.replace(/\r\n?/g, '\n').replace(/^( *)(\t+)/gm, (_, lead, tabs) => lead + '    '.repeat(tabs.length));
    if (text === this.text) return;
    if (!text.startsWith(this.text)) this.settled = this.settledLength = 0;
    this.text = text;
    const tail = this.tokens(text.slice(this.settledLength));
    this.replaceFrom(this.settled, tail);
    // The last block may grow, and may yet turn out to belong to the list before it ("10" → "10. x").
    const end = tail.findLastIndex((token) => token.type !== 'space');
    const last = tail.findLastIndex((token, index) => index < end && token.type !== 'space');
    const raw = tail.slice(0, Math.max(0, last)).map((token) => token.raw).join('');
    // Link definitions yield no token: where they stand, nothing settles before the end.
    if (!text.startsWith(raw, this.settledLength)) return;
    this.settledLength += raw.length;
    this.settled += Math.max(0, last);
  }

  finish() {
    this.settled = this.settledLength = 0;
    const tokens = this.tokens(this.text);
    // Blocks settled before a link definition came know nothing of it.
    if (Object.keys(tokens.links ?? {}).length > 0) this.context = '';
    this.replaceFrom(0, tokens);
  }

  replaceFrom(start, tokens) {
    this.noteContext(start, tokens);
    tokens.forEach((token, offset) => {
      const index = start + offset;
      const known = this.blocks[index];
      if (known?.raw === token.raw && known.type === token.type) return;
      const node = this.block(token, 0) ?? document.createComment('');
      if (known) known.node.replaceWith(node);
      else this.root.append(node);
      this.blocks[index] = { raw: token.raw, type: token.type, depth: token.depth, node };
    });
    for (const surplus of this.blocks.splice(start + tokens.length)) surplus.node.remove();
  }

  // What a block's nodes depend on beside its own text: the link definitions, and the depth of the
  // first heading, which becomes the level below the page's own. When they change, all is redrawn.
  noteContext(start, tokens) {
    const first = [...this.blocks.slice(0, start), ...tokens].find((entry) => entry.type === 'heading');
    const context = JSON.stringify([first?.depth ?? 1, tokens.links ?? {}]);
    if (context === this.context) return;
    this.context = context;
    this.topHeading = first?.depth ?? 1;
    for (const entry of this.blocks.slice(start)) entry.raw = null;
  }

  tokens(source) {
    // A fence that is still open is one for the lexer only when its last line has ended.
    const text = source.endsWith('\n') ? source : `${source}\n`;
    try {
      if (this.marked?.lexer) return this.marked.lexer(text, { gfm: true });
    } catch {
      // Too deep or otherwise too much for the lexer: plain text is always right.
    }
    return text.split(/(?<=\n\n)/).map((raw) => ({ type: 'plain', raw }));
  }

  block(token, depth) {
    if (depth > kMaxDepth) return h('p', {}, token.raw);
    switch (token.type) {
      case 'space':
      case 'def':
        return null;
      case 'heading':
        return h(`h${Math.max(4, Math.min(6, 4 + token.depth - this.topHeading))}`, {}, this.inline(token.tokens, depth));
      case 'paragraph':
        return h('p', {}, this.inline(token.tokens, depth));
      case 'text':
        return h('span', {}, token.tokens ? this.inline(token.tokens, depth) : this.words(token.raw));
      case 'code':
        return codeView(token.text, (token.lang ?? '').split(/\s/)[0]);
      case 'blockquote':
        return h('blockquote', {}, this.blocksOf(token.tokens, depth));
      case 'hr':
        return h('hr');
      case 'list':
        return this.list(token, depth);
      case 'table':
        return this.table(token, depth);
      default:
        return h('p.plain', {}, this.words(token.raw.trim()));
    }
  }

  blocksOf(tokens, depth) {
    return (tokens ?? []).map((token) => this.block(token, depth + 1));
  }

  list(token, depth) {
    const start = token.ordered && Number.isInteger(token.start) && token.start !== 1 ? token.start : null;
    const items = token.items.map((item) => {
      const box = item.task ? (item.checked ? '☑ ' : '☐ ') : null;
      return h('li', {}, box, this.blocksOf(item.tokens, depth));
    });
    return h(token.ordered ? 'ol' : 'ul', { start }, items);
  }

  table(token, depth) {
    const row = (cells, name) =>
      h('tr', {}, cells.map((entry, column) => {
        const align = token.align?.[column];
        return h(align === 'right' || align === 'center' ? `${name}.${align}` : name, {}, this.inline(entry.tokens, depth));
      }));
    const head = h('thead', {}, row(token.header, 'th'));
    const body = h('tbody', {}, token.rows.map((cells) => row(cells, 'td')));
    return h('div.scroll', { tabindex: 0, role: 'group', 'aria-label': 'Table' }, h('table', {}, head, body));
  }

  inline(tokens, depth) {
    if (depth > kMaxDepth) return (tokens ?? []).map((token) => token.raw);
    return (tokens ?? []).map((token) => this.span(token, depth + 1));
  }

  span(token, depth) {
    switch (token.type) {
      case 'strong':
      case 'em':
      case 'del':
        return h(token.type, {}, this.inline(token.tokens, depth));
      case 'br':
        return h('br');
      case 'codespan':
        return h('code', {}, codeText(token.raw));
      case 'escape':
        return token.raw.slice(1);
      case 'link':
        return this.link(token, depth);
      case 'text':
        return token.tokens ? this.inline(token.tokens, depth) : this.words(token.raw);
      case 'image':
        return token.text ? `${decodeEntities(token.text)} ` : '';
      default:
        return this.words(token.raw);
    }
  }

  link(token, depth) {
    const label = this.inline(token.tokens, depth);
    const href = safeUrl(decodeEntities(token.href ?? ''));
    return href ? h('a', { href, rel: 'noopener noreferrer', target: '_blank' }, label) : h('span', {}, label);
  }

  // Plain words with their citations "[1]", "[2, 3]".
  words(raw) {
    return raw.split(/(\[\d{1,2}(?:,\s*\d{1,2})*\])/).map((part, index) => {
      if (index % 2 === 0) return decodeEntities(part);
      return part.match(/\d+/g).map((number) => this.citation(Number(number)));
    });
  }
}

// The inside of `code`, by the rules of CommonMark: line ends are spaces, one space of each side goes.
function codeText(raw) {
  const ticks = /^`+/.exec(raw)?.[0].length ?? 0;
  const inner = raw.slice(ticks, raw.length - ticks).replaceAll('\n', ' ');
  return /[^ ]/.test(inner) && inner.startsWith(' ') && inner.endsWith(' ') ? inner.slice(1, -1) : inner;
}

/** A block of code with its language and a copy button. */
export function codeView(text, language = '') {
  const bar = h('div.code-bar', {}, h('span', {}, language || 'text'), copyButton(() => text, 'Copy', { 'aria-label': 'Copy code' }));
  return h('div.code', {}, bar, h('pre', { tabindex: 0 }, h('code', {}, text)));
}
