// What the page says about itself: the connection's word in the header, the banner after a loss,
// and the two hidden live regions. Those announce boundaries only, never streamed text.

import { isTerminal } from '/client/index.js';
import { h, icon, setHidden, setText } from './dom.js';
import { count } from './format.js';
import { outcomeText } from './view_turn.js';

export const kBannerDelayMs = 1_000;
const kWords = { idle: 'Not connected', connecting: 'Connecting', online: 'Online', reconnecting: 'Reconnecting', offline: 'Offline', closed: 'Not connected' };

export class StatusView {
  constructor(retry) {
    this.state = document.getElementById('link-state');
    this.word = this.state.querySelector('.word');
    this.banner = document.getElementById('banner');
    this.text = h('span');
    const button = h('button.small', { type: 'button', onclick: retry }, 'Retry now');
    this.banner.append(h('div.banner-inner', {}, icon('clock'), this.text, button));
    this.lostAt = null;
    this.shown = false;
    this.everOnline = false;
  }

  /** Applies the connection's status; called on every change and on every tick. */
  update(status, now, announce) {
    this.state.dataset.state = status.state;
    setText(this.word, kWords[status.state]);
    if (status.state === 'online') {
      if (this.shown) announce.say('Connected again');
      this.everOnline = true;
      this.lostAt = null;
      this.shown = false;
    } else {
      this.lostAt ??= now;
    }
    const troubled = status.state === 'reconnecting' || status.state === 'offline';
    if (troubled && !this.shown && now - this.lostAt >= kBannerDelayMs) {
      this.shown = true;
      announce.say(this.everOnline ? 'Connection lost' : 'No connection');
    }
    setHidden(this.banner, !(this.shown && status.state !== 'online'));
    if (this.shown) setText(this.text, bannerText(status, now, this.everOnline));
  }
}

function bannerText(status, now, everOnline) {
  const what = status.state === 'offline' ? 'This device is offline.' : everOnline ? 'Connection lost.' : 'The server cannot be reached.';
  if (status.retryAt === null) return `${what} Trying again…`;
  return `${what} Next try in ${Math.max(1, Math.ceil((status.retryAt - now) / 1000))} s. Questions you send will wait.`;
}

export class Announcer {
  constructor() {
    this.polite = document.getElementById('say');
    this.assertive = document.getElementById('alert');
  }

  say(text) {
    this.polite.replaceChildren(h('p', {}, text));
  }

  warn(text) {
    this.assertive.replaceChildren(h('p', {}, text));
  }

  /** Says what has changed from one state of a turn to the next. */
  turn(before, turn) {
    if (!before || before === turn) return;
    if (!isTerminal(before) && isTerminal(turn)) {
      this.ended(turn);
      return;
    }
    const tool = turn.tools.length > before.tools.length ? turn.tools.at(-1) : null;
    const phase = turn.phases.length > before.phases.length ? turn.phases.at(-1) : null;
    if (tool) this.say(tool.message);
    else if (phase) this.say(phase.message);
    else if (turn.status === 'queued' && before.status !== 'queued') this.say('Waiting for a free worker');
  }

  ended(turn) {
    const problem = outcomeText(turn);
    if (turn.status === 'cancelled') this.say('Stopped');
    else if (problem) this.warn(problem);
    else this.say(turn.sources.length > 0 ? `Answer ready, ${count(turn.sources.length, 'source')}` : 'Answer ready');
  }
}
