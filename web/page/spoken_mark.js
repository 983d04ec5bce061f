// Marks in the written answer what is being spoken. The text for the ear is worded differently from the one
// for the eye, so the place is found by its words; the answer's nodes are not touched (CSS highlights).

const kName = 'spoken';
const kReach = 400; // words of the answer looked at for a beginning
const kSkip = 4; // words of the answer that may stand between two spoken ones, numbers not counted
const kSkipNumbers = 12;
const kNotSpoken = '.code, table, .citation';

const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** The words of a text with their places: `{ word, from, to }`. Pure. */
export function wordsOf(text) {
  return [...text.matchAll(/[\p{L}\p{N}]+/gu)].map((match) => ({ word: plain(match[0]), from: match.index, to: match.index + match[0].length }));
}

// The next place of a word, near `at`; -1 when it is not there.
function nextOf(words, word, at) {
  const limit = Math.min(words.length, at + kSkipNumbers);
  for (let index = at, skipped = 0; index < limit && skipped < kSkip; index += 1) {
    if (words[index].word === word) return index;
    if (!/^\d+$/.test(words[index].word)) skipped += 1;
  }
  return -1;
}

// How many of the spoken words follow one another from `start`, and where the last of them stands.
function align(words, spoken, start) {
  let at = start;
  let count = 0;
  let end = start;
  for (const word of spoken) {
    const index = nextOf(words, word, at);
    if (index < 0) continue;
    count += 1;
    end = index;
    at = index + 1;
  }
  return { count, end };
}

/**
 * Where in `words` the spoken text stands, from word `after` on: `[first, last]`, or null. Numbers are words
 * for the ear and digits for the eye: half of the shorter side has to be the same. Pure.
 */
export function locate(words, text, after = 0) {
  const spoken = wordsOf(text).map((entry) => entry.word);
  const openings = new Set(spoken.slice(0, 3));
  let best = null;
  for (let start = after; start < Math.min(words.length, after + kReach); start += 1) {
    if (!openings.has(words[start].word)) continue;
    const { count, end } = align(words, spoken, start);
    if (count > (best?.count ?? 0)) best = { count, range: [start, end] };
    if (count === spoken.length) break;
  }
  if (best === null) return null;
  const [first, last] = best.range;
  const shorter = Math.min(spoken.length, last - first + 1);
  return best.count >= Math.min(2, spoken.length) && best.count * 2 >= shorter ? best.range : null;
}

export class SpokenMark {
  /** @param {(turnId: string) => Element|null} answerOf the written answer of a turn */
  constructor(answerOf) {
    this.answerOf = answerOf;
    this.turnId = null;
    this.segment = null;
    this.from = 0; // word from which the segment is sought
    this.next = 0; // word behind what has been found of it
    this.length = -1; // of the answer when it was sought
    this.range = null;
  }

  /** Marks a segment; with `turnId` null, nothing. */
  show(turnId, segment) {
    if (turnId !== this.turnId || segment !== this.segment) {
      this.from = turnId === this.turnId ? this.next : 0;
      this.next = this.from;
      this.turnId = turnId;
      this.segment = segment;
      this.length = -1;
    }
    this.refresh();
  }

  /** Seeks anew where the answer has grown or its nodes were made anew. */
  refresh() {
    if (!globalThis.Highlight || !CSS.highlights) return;
    const answer = this.turnId === null ? null : this.answerOf(this.turnId);
    const length = answer?.textContent.length ?? 0;
    if (length === this.length && (this.range === null || this.range.startContainer.isConnected)) return;
    this.length = length;
    this.range = answer && this.find(answer);
    if (this.range === null) CSS.highlights.delete(kName);
    else CSS.highlights.set(kName, new Highlight(this.range));
  }

  find(answer) {
    const words = answerWords(answer);
    const place = locate(words, this.segment.text, this.from);
    if (place === null) return null;
    const [first, last] = place.map((index) => words[index]);
    const range = document.createRange();
    range.setStart(first.node, first.from);
    range.setEnd(last.node, last.to);
    this.next = place[1] + 1;
    return range;
  }
}

function answerWords(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const words = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest(kNotSpoken)) continue;
    for (const entry of wordsOf(node.data)) words.push({ ...entry, node });
  }
  return words;
}
