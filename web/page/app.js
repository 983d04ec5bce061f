// The page's wiring: one client, one view per turn, one drawing per animation frame. Holds no state
// of the conversation; that is the client's.

import { MrClient, isTerminal, turnList } from '/client/index.js';
import { h, icon, recall, remember, setHidden } from './dom.js';
import { ComposerView } from './view_composer.js';
import { Announcer, StatusView } from './view_status.js';
import { TurnView } from './view_turn.js';
import { VoiceButton } from './voice_button.js';

const kTickMs = 200;
const kAtBottomPx = 80;
const kExamples = [
  'How much have we invoiced on the Harbor Point project, and what is still open?',
  'Chart our invoiced revenue by month this year',
  'Which five projects have the most change orders?',
  'What did the last safety inspection at Harbor Point find?',
];

class App {
  constructor() {
    const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content || null;
    this.client = new MrClient({ url: meta('mr-ws-url') ?? '/ws/chat', voiceUrl: meta('mr-ws-voice-url') });
    this.log = document.getElementById('log');
    this.welcome = document.getElementById('welcome');
    this.jump = document.getElementById('jump');
    this.views = new Map();
    this.seen = {};
    this.announcer = new Announcer();
    this.status = new StatusView(() => this.client.retryNow());
    this.composer = new ComposerView({
      send: (text, edits) => this.send(text, edits),
      stop: () => this.stop(),
      last: () => turnList(this.client.state).findLast((turn) => turn.question !== null && isTerminal(turn)) ?? null,
    });
    this.voice = new VoiceButton({
      client: this.client,
      announcer: this.announcer,
      answerOf: (turnId) => this.views.get(this.client.state.byTurnId[turnId])?.answer ?? null,
      asked: () => this.follow(),
    });
    this.actions = {
      regenerate: (key) => this.follow(this.client.regenerate(key)),
      rate: (key, rating) => this.client.feedback(key, rating),
    };
    this.following = true;
    this.frame = 0;
    this.makeTools();
    this.makeExamples();
    this.watchScroll();
    // After a reload nothing of the past is announced.
    this.seen = this.client.state.turns;
    this.client.subscribe(() => this.schedule());
    this.client.start();
    this.draw();
    setInterval(() => this.tick(), kTickMs);
  }

  send(text, edits) {
    return this.follow(edits ? this.client.regenerate(edits, text) : this.client.ask(text));
  }

  follow(key = '') {
    if (key === null) return false;
    this.following = true;
    this.schedule();
    return true;
  }

  // What is spoken first: that ends what is written, too.
  stop() {
    if (this.voice.interrupt()) return true;
    if (this.client.active === null) return false;
    this.client.cancel();
    return true;
  }

  schedule() {
    if (this.frame !== 0) return;
    const run = () => {
      this.frame = 0;
      this.draw();
    };
    // A hidden page gets no animation frames, but its screen reader and title must keep up.
    this.frame = document.visibilityState === 'hidden' ? setTimeout(run, kTickMs) : requestAnimationFrame(run);
  }

  draw() {
    const { client } = this;
    const { state } = client;
    for (const [key, view] of this.views) {
      if (state.turns[key]) continue;
      view.root.remove();
      this.views.delete(key);
    }
    for (const turn of turnList(state)) {
      let view = this.views.get(turn.key);
      if (!view) {
        view = new TurnView(turn.key, this.actions);
        this.views.set(turn.key, view);
        this.log.append(view.root);
      }
      this.announcer.turn(this.seen[turn.key], turn);
      view.update(turn);
    }
    this.seen = state.turns;
    if (state.notice && state.notice !== this.notice) this.announcer.warn(state.notice.message);
    this.notice = state.notice;
    setHidden(this.welcome, state.order.length > 0);
    setHidden(this.fresh, state.order.length === 0);
    this.composer.setBusy(client.active !== null);
    this.status.update(client.status, Date.now(), this.announcer);
    this.keepAtBottom();
  }

  tick() {
    const now = Date.now();
    this.status.update(this.client.status, now, this.announcer);
    for (const turn of turnList(this.client.state)) {
      if (!isTerminal(turn)) this.views.get(turn.key)?.tick(now);
    }
  }

  watchScroll() {
    const page = document.scrollingElement;
    const atBottom = () => page.scrollHeight - page.scrollTop - window.innerHeight < kAtBottomPx;
    let last = page.scrollTop;
    window.addEventListener('scroll', () => {
      // Only the reader scrolls upwards; growth of the page never does.
      if (atBottom()) this.following = true;
      else if (page.scrollTop < last) this.following = false;
      last = page.scrollTop;
      setHidden(this.jump, atBottom());
    }, { passive: true });
    this.jump.prepend(icon('arrow'));
    this.jump.addEventListener('click', () => {
      this.following = true;
      this.keepAtBottom();
    });
    new ResizeObserver(() => this.keepAtBottom()).observe(this.log);
  }

  keepAtBottom() {
    if (!this.following || this.client.state.order.length === 0) return;
    const page = document.scrollingElement;
    page.scrollTop = page.scrollHeight;
  }

  makeTools() {
    const button = (label, glyph, onclick, more = {}) => h('button.bar-button', { type: 'button', title: label, 'aria-label': label, onclick, ...more }, icon(glyph));
    const root = document.documentElement;
    const times = button('Show timings', 'gauge', () => {
      const shown = root.toggleAttribute('data-times');
      times.setAttribute('aria-pressed', String(shown));
      remember('mr-ws times', shown ? 'on' : null);
    });
    root.toggleAttribute('data-times', recall('mr-ws times') === 'on');
    times.setAttribute('aria-pressed', String(root.hasAttribute('data-times')));
    const theme = button('Switch between light and dark', 'theme', () => {
      const dark = isDark();
      root.dataset.theme = dark ? 'light' : 'dark';
      remember('mr-ws theme', root.dataset.theme);
      this.redrawCharts();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redrawCharts());
    this.fresh = button('New conversation', 'plus', () => {
      this.voice.close();
      this.client.reset();
      this.composer.fill('');
    });
    this.fresh.append(h('span.wide', { 'aria-hidden': 'true' }, 'New'));
    document.getElementById('bar-tools').append(times, theme, this.fresh);
  }

  makeExamples() {
    const chips = kExamples.map((text) => h('button.example', { type: 'button', onclick: () => this.send(text, null) && this.composer.field.focus() }, text));
    document.getElementById('examples').append(...chips);
  }

  redrawCharts() {
    for (const view of this.views.values()) view.redrawCharts();
  }
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

new App();
