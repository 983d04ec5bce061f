// The latency line under an answer: what the server measured and what the reader waited for. The
// difference of the two is the network and this page.

import { h } from './dom.js';
import { duration } from './format.js';

const kPhaseNames = { project_resolution: 'projects', routing: 'routing', merge: 'merge', response: 'answer' };

/** Pairs of name and value for a finished turn. Pure. */
export function latencyFacts(turn) {
  const { timings, usage, marks } = turn;
  const facts = [];
  const add = (name, ms) => Number.isFinite(ms) && facts.push([name, duration(ms)]);
  add('queue', timings?.queue_ms);
  for (const [phase, ms] of Object.entries(timings?.phases ?? {})) add(kPhaseNames[phase] ?? phase, ms);
  add('first token', timings?.first_token_ms);
  const streaming = (timings?.total_ms ?? 0) - (timings?.first_token_ms ?? 0);
  if (usage?.output_tokens > 0 && streaming > 0) {
    facts.push(['speed', `${Math.round((usage.output_tokens * 1000) / streaming)} tok/s`]);
  }
  add('total', timings?.total_ms);
  if (marks.asked > 0 && marks.ended > 0) {
    add('first token seen', marks.firstText === null ? null : marks.firstText - marks.asked);
    add('total seen', marks.ended - marks.asked);
    if (timings) add('network', Math.max(0, marks.ended - marks.asked - timings.total_ms - (timings.queue_ms ?? 0)));
  }
  return [...facts, ...voiceFacts(turn)];
}

// From the last word on; the last of them is what this page measured, loudspeaker included.
function voiceFacts({ voice, marks }) {
  const stages = [
    ['end of speech', voice?.endpoint_ms],
    ['recognition', voice?.stt_final_ms],
    ['first text', voice?.first_token_ms],
    ['first sound', voice?.first_audio_ms],
    ['voice to voice', voice?.voice_to_voice_ms],
    ['heard after', marks.heardMs],
  ];
  return stages.filter(([, ms]) => Number.isFinite(ms)).map(([name, ms]) => [name, duration(ms)]);
}

export function latencyView(turn) {
  const facts = latencyFacts(turn).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)));
  const model = turn.usage?.model ? h('div', {}, h('dt', {}, 'model'), h('dd', {}, String(turn.usage.model))) : null;
  const trace = turn.traceId ? h('div', {}, h('dt', {}, 'trace'), h('dd', {}, String(turn.traceId))) : null;
  return h('dl.latency', {}, facts, model, trace);
}
