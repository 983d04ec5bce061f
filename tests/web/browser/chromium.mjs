// Starts and ends a headless Chromium for a test file, and opens pages that notice what no page
// should do: script errors, policy violations, requests to other hosts.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

const kFlags = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-gpu', '--disable-dev-shm-usage'];
export const kShots = process.env.MR_SHOTS || path.join(tmpdir(), 'mr-ws-shots');

/** @param {string[]} [more] further flags of the browser */
export async function launch(more = []) {
  mkdirSync(kShots, { recursive: true });
  const profile = mkdtempSync(path.join(tmpdir(), 'mr-ws-chromium-'));
  const executablePath = process.env.MR_CHROMIUM || '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, headless: true, args: [...kFlags, ...more, `--disk-cache-dir=${profile}`] });
  return {
    browser,
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

// Runs in the page before its own scripts: keeps what the live regions say.
function record() {
  window.said = [];
  document.addEventListener('DOMContentLoaded', () => {
    for (const id of ['say', 'alert']) {
      const region = document.getElementById(id);
      new MutationObserver(() => region.textContent && window.said.push(`${id}: ${region.textContent}`)).observe(region, { childList: true, subtree: true });
    }
  });
}

/**
 * A page of its own context at `url`. `page.problems` collects errors; `page.finish()` fails on any
 * that no pattern in `allowed` explains, and closes the context. `scripts` run before the page's own.
 */
export async function openPage(browser, url, { allowed = [], scripts = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 860 }, ignoreHTTPSErrors: true, ...options });
  for (const script of [record, ...scripts]) await context.addInitScript(script);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  watch(page, url, allowed);
  await page.goto(url);
  return page;
}

export function watch(page, url, allowed = []) {
  page.problems = [];
  const note = (text) => allowed.some((pattern) => pattern.test(text)) || page.problems.push(text);
  page.on('pageerror', (error) => note(`exception: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && note(`console: ${message.text()}`));
  page.on('request', (request) => {
    const target = new URL(request.url());
    if (target.protocol.startsWith('http') && target.host !== new URL(url).host) note(`request to ${target.host}`);
  });
  page.finish = async () => {
    await page.context().close();
    assert.deepEqual(page.problems, []);
  };
}

export const shot = (page, name) => page.screenshot({ path: path.join(kShots, `${name}.png`) });

/** Types and sends a question; returns when its turn is on the page. */
export async function ask(page, question) {
  const count = await page.locator('.turn').count();
  await page.getByLabel('Your question').fill(question);
  await page.keyboard.press('Enter');
  await page.locator('.turn').nth(count).waitFor();
}

/** Waits until the newest turn has ended in one of the states and is drawn. */
export const settled = (page, ...states) =>
  page.locator(states.map((state) => `.turn[data-status="${state}"]:last-of-type:has(.answer[aria-busy="false"])`).join(', ')).waitFor();

/** The transcript's text once its charts are drawn, without clocks and measured times. */
export async function transcript(page) {
  await page.waitForFunction(() => document.querySelectorAll('.charts > *:not(:has(.stage[data-kind]))').length === 0);
  return page.evaluate(() => {
    const copy = document.getElementById('log').cloneNode(true);
    for (const node of copy.querySelectorAll('.time, .latency, .tracker > summary .words')) node.remove();
    return copy.textContent;
  });
}

export const said = (page) => page.evaluate(() => window.said);

const kAxe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Fails on anything that axe-core finds wrong in the page as it stands. */
export async function scan(page, state) {
  await page.evaluate(kAxe);
  // Colours in the middle of a transition or of the caret's blinking are nobody's colours.
  await page.evaluate(() => document.getAnimations().forEach((animation) => animation.finish === undefined || animation.effect.getTiming().iterations === Infinity || animation.finish()));
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return violations.map((entry) => `${entry.id}: ${entry.nodes.map((node) => node.target.join(' ')).slice(0, 3).join(' | ')}`);
  });
  assert.deepEqual(found, [], state);
}

/** How much wider than the window the page is; no part of it may be. */
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
