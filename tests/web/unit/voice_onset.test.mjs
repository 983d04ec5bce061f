// The microphone's own ear: what it takes for somebody who begins to speak, how soon, and what not, the sound
// of the answer itself included.

import assert from 'node:assert/strict';
import test from 'node:test';
import { kHop, OnsetDetector } from '../../../web/client/voice_onset.js';
import { amplitude, beginningOf, buzz, cough, joined, knock, kRate, mixed, noise, silence, spoken, tone } from '../sounds.mjs';

const kVoices = ['slt', 'rms', 'awb'];
const kPhrases = ['Wait a moment please', 'Stop', 'Sorry, what about Harbor Point?', 'And what is still open on that project?', 'How many invoices are overdue?', 'No, the other one', 'Show me the next project', 'Actually, forget it', 'Hold on a second', 'Can you repeat that?', 'Please go on', 'Yes', 'Which one?', 'Okay'];
const quiet = (seconds, seed) => noise(seconds, -65, { seed });

// Places (ms) at which somebody began to speak. `each(detector, ms)` is called every 10 ms, `then(detector)`
// at each of these places.
function onsets(sound, { detector = new OnsetDetector(), each = () => {}, then = () => {} } = {}) {
  const found = [];
  for (let at = 0; at + kHop <= sound.length; at += kHop) {
    each(detector, at / 16);
    if (detector.push(sound.subarray(at, at + kHop)) === 0) continue;
    found.push(at / 16 + 10);
    then(detector);
  }
  return found;
}

const kNothing = {
  silence: silence(3),
  'a room': quiet(5),
  'a loud room': noise(5, -40),
  'a fan, switched on': joined(quiet(2), noise(4, -35, { tilt: 0.95, seed: 2 })),
  'white noise, switched on': joined(quiet(2), noise(4, -30, { seed: 3 })),
  'very loud noise': joined(silence(1), noise(3, -12, { seed: 4 })),
  'a tone': joined(quiet(1), mixed(quiet(2, 5), tone(2, 440, -25))),
  'a low tone': joined(quiet(1), mixed(quiet(2, 5), tone(2, 180, -20))),
  'a high tone': joined(quiet(1), mixed(quiet(2, 5), tone(2, 3000, -20))),
  clicks: joined(...Array.from({ length: 20 }, () => joined(Float32Array.of(0.9, -0.9, 0.5), silence(0.15)))),
  typing: joined(...Array.from({ length: 20 }, (_, n) => joined(noise(0.012, -20, { seed: n + 1 }), silence(0.07)))),
  'a knock on wood': joined(quiet(1), knock(0.15, 160, -6), silence(0.3), knock(0.15, 160, -6), quiet(1)),
  'a glass': joined(quiet(1), knock(0.4, 4200, -10), quiet(1)),
  coughs: joined(quiet(1), cough(-12), quiet(0.4), cough(-8, 8), quiet(1)),
};
for (const [name, sound] of Object.entries(kNothing)) {
  test(`nobody speaks: ${name}`, () => assert.deepEqual(onsets(sound), []));
}

for (const db of [-12, -24, -36]) {
  test(`a buzzing voice at ${db} dB, once, within 100 ms`, () => {
    const found = onsets(joined(quiet(2), buzz(1, db), quiet(1)));
    assert.equal(found.length, 1, String(found));
    assert.ok(found[0] > 2000 && found[0] <= 2100, String(found));
  });
}

test('how the sound is cut changes nothing', () => {
  const sound = joined(quiet(1), buzz(0.5, -20), quiet(0.5), buzz(0.5, -20));
  const detector = new OnsetDetector();
  let count = 0;
  for (let at = 0, size = 1; at < sound.length; at += size, size = (size * 5 + 3) % 257) count += detector.push(sound.subarray(at, at + size));
  assert.equal(count, 2);
  assert.equal(onsets(sound).length, 2);
});

test('it is told how long somebody goes on', () => {
  const detector = new OnsetDetector();
  const speaking = [];
  onsets(joined(quiet(1), buzz(2, -20), quiet(1)), { detector, each: (ear, ms) => speaking.push([ms, ear.speaking]) });
  const ever = speaking.filter(([, is]) => is).map(([ms]) => ms);
  assert.ok(ever[0] >= 1050 && ever[0] <= 1150, String(ever[0]));
  assert.ok(ever.at(-1) >= 2800 && ever.at(-1) <= 3150, String(ever.at(-1)));
  assert.ok(ever.length > 100, 'most of the time');
});

for (const voice of kVoices) {
  for (const [level, room] of [[0, -70], [-14, -60], [-6, -45]]) {
    test(`phrases of ${voice} at ${level} dB in a room of ${room} dB: how soon`, (t) => {
      const waits = [];
      for (const phrase of kPhrases) {
        const said = spoken(phrase, voice);
        if (said === null) return t.skip('flite is not installed');
        const sound = mixed(noise(2 + said.length / kRate, room), said.map((x) => x * amplitude(level)), 1.5);
        const from = 1500 + beginningOf(said) / 16;
        const [first] = onsets(sound);
        assert.ok(first >= from - 30, `${phrase}: at ${first}, begun at ${from}`);
        waits.push(Math.round(first - from));
      }
      waits.sort((a, b) => a - b);
      t.diagnostic(`ms: ${waits.join(' ')}`);
      assert.ok(waits[kPhrases.length >> 1] <= 80, `median of ${waits}`);
      assert.ok(waits.at(-1) <= 220, `slowest of ${waits}`);
    });
  }
}

// The answer is played from `begin` (ms) on and comes back from the loudspeaker.
function stage(answer, couplingDb, begin = 1000, delay = 120) {
  const echo = answer.map((x) => x * amplitude(couplingDb));
  const room = quiet(answer.length / kRate + 3);
  const detector = new OnsetDetector();
  const each = (ear, ms) => {
    // As the player does: pieces of 100 ms, each told when it is scheduled, up to 300 ms ahead.
    const place = ms - begin + 300;
    if (ms < begin - 300 || place % 100 !== 0 || place * 16 >= answer.length) return;
    const piece = answer.subarray(place * 16, (place + 100) * 16);
    ear.played(300, 100, 10 * Math.log10(piece.reduce((sum, x) => sum + x * x, 1e-9) / piece.length));
  };
  return { sound: mixed(room, echo, (begin + delay) / 1000), detector, each };
}

const kAnswer = 'There are twelve open invoices, worth forty two thousand dollars together. Three of them are overdue. The oldest one is from the Harbor Point project, and was sent in January.';
const answerOf = (voice) => spoken(kAnswer, voice) ?? buzz(10, -12, 150);

for (const voice of kVoices) {
  for (const couplingDb of [-20, -30, -45]) {
    test(`the answer itself (${voice}), at ${couplingDb} dB in the microphone, is nobody`, () => {
      const { sound, detector, each } = stage(answerOf(voice), couplingDb);
      assert.deepEqual(onsets(sound, { detector, each }), []);
    });
  }
  for (const couplingDb of [-20, -30]) {
    test(`somebody speaks over the answer (${voice}), which is at ${couplingDb} dB`, (t) => {
      const { sound, detector, each } = stage(answerOf(voice), couplingDb);
      const said = spoken('Wait, and what is still open there?', voice === 'slt' ? 'rms' : 'slt') ?? buzz(2, -16);
      const found = onsets(mixed(sound, said, 5), { detector, each });
      const wait = found[0] - 5000 - beginningOf(said) / 16;
      t.diagnostic(`${wait} ms`);
      assert.ok(found.length > 0 && wait > -30 && wait <= 250, String(found));
    });
  }
}

test('an echo louder than expected is taken for speech once, and then known', () => {
  const { sound, detector, each } = stage(answerOf('slt'), -8);
  const found = onsets(sound, { detector, each, then: (ear) => ear.mistaken() });
  assert.ok(found.length >= 1 && found.length <= 3, String(found));
});

test('who is taken for a mistake is heard again, and sooner when it was none', () => {
  const said = spoken('Wait, and what is still open there?', 'rms') ?? buzz(2, -16);
  const waits = ['mistaken', 'right'].map((last) => {
    const { sound, detector, each } = stage(answerOf('slt'), -40);
    const then = (ear) => {
      ear.mistaken();
      if (last === 'right') ear.right();
    };
    const found = onsets(mixed(mixed(sound, said, 3), said, 6.5), { detector, each, then });
    return found.find((ms) => ms > 6500) - 6500 - beginningOf(said) / 16;
  });
  assert.ok(waits[0] <= 600 && waits[1] <= waits[0] && waits[1] <= 100, String(waits));
});

test('what is not played any more raises no threshold', () => {
  const detector = new OnsetDetector();
  const sound = joined(quiet(1), mixed(quiet(2, 3), buzz(2, -34)));
  const loud = (ear, ms) => ms === 500 && ear.played(0, 10_000, -6);
  assert.deepEqual(onsets(sound, { detector, each: loud }), [], 'hidden by what is played');
  const hushed = (ear, ms) => loud(ear, ms) || (ms === 550 && ear.silenced(20));
  assert.equal(onsets(sound, { each: hushed }).length, 1);
});
