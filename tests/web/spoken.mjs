// A browser that speaks to a running gateway (MR_URL): its microphone plays what the test has made, and the page
// is open and online.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openPage } from './browser/chromium.mjs';
import { launchWithFile, listen, wavOf } from './browser/microphone.mjs';
import { kRate } from './sounds.mjs';

const kTurnMs = 60_000;

/** @param {Float32Array} sound what the microphone hears, from the moment it is opened */
export async function spokenStage(t, sound) {
  const folder = mkdtempSync(path.join(tmpdir(), 'mr-ws-spoken-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'microphone.wav');
  writeFileSync(file, wavOf([...sound].map((x) => Math.round(Math.max(-1, Math.min(1, x)) * 32767)), kRate));
  const chrome = await launchWithFile(file);
  const page = await openPage(chrome.browser, process.env.MR_URL, { allowed: [/404/, /WebSocket connection to/], scripts: [listen] });
  page.setDefaultTimeout(kTurnMs);
  t.after(() => page.finish().finally(() => chrome.close()));
  await page.locator('.link-state[data-state="online"]').waitFor();
  return page;
}

export const microphone = (page) => page.getByRole('button', { name: 'Microphone' });
export const speaking = (page) => page.getByRole('button', { name: /^Speaking/ });

/** Turns the microphone on and waits for a question; '' or the reason why there is no voice. */
export async function asked(page) {
  await microphone(page).click();
  const problem = page.locator('.voice-problem');
  await page.locator('.voice-problem:visible, .question-text').first().waitFor();
  return (await problem.isVisible()) ? problem.innerText() : '';
}

const words = (text) => text.toLowerCase().match(/[a-z]+/g) ?? [];

/** The share of a sentence's words that was understood. */
export function understood(said, heard) {
  const all = words(heard);
  return words(said).filter((word) => all.includes(word)).length / words(said).length;
}

export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}
