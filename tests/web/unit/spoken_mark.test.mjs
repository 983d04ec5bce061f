// What is spoken is found in what is written, though it is worded for the ear; and words for problems.

import assert from 'node:assert/strict';
import test from 'node:test';
import { locate, wordsOf } from '../../../web/page/spoken_mark.js';

const kText = 'On Harbor Point we have invoiced $1,858,250.50 so far [1]. Of that, $392,500 is still open [2]. What is open: HP-0231, due 12 Apr. Café Zürich is still open, too.';
const words = wordsOf(kText);
const found = (text, after = 0) => {
  const place = locate(words, text, after);
  return place && kText.slice(words[place[0]].from, words[place[1]].to);
};

test('words with their places', () => {
  assert.deepEqual(wordsOf('Ä b-2, naïve').map((entry) => [entry.word, entry.from, entry.to]), [['a', 0, 1], ['b', 2, 3], ['2', 4, 5], ['naive', 7, 12]]);
  assert.deepEqual(wordsOf(''), []);
});

for (const [spoken, after, expected] of [
  ['On Harbor Point we have invoiced', 0, 'On Harbor Point we have invoiced'],
  ['on harbor point we have invoiced one million eight hundred fifty eight thousand dollars so far.', 0, 'On Harbor Point we have invoiced $1,858,250.50 so far'],
  ['Of that, three hundred ninety two thousand five hundred dollars is still open.', 6, 'Of that, $392,500 is still open'],
  ['is still open', 20, 'is still open'],
  ['Cafe Zurich is still open, too.', 0, 'Café Zürich is still open, too'],
  ['Something else entirely', 0, null],
  ['What, nothing of this', 0, null],
  ['', 0, null],
]) {
  test(`"${spoken}" from word ${after}`, () => assert.equal(found(spoken, after), expected));
}

test('a long answer does not hold the page up', () => {
  const long = wordsOf('the open invoices of the project '.repeat(20_000));
  const begin = performance.now();
  assert.notEqual(locate(long, 'the open invoices of the projects are these and the others '.repeat(8), 60_000), null);
  assert.ok(performance.now() - begin < 5_000);
});
