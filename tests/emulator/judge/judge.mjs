// The vendors' own clients against the provider emulator: what they send is accepted, what it says
// is understood. They use the real hosts' names, whose connections end at the emulator.
//   node judge.mjs     with EMULATOR_PORT, EMULATOR_ACCOUNT (a key file), NODE_EXTRA_CA_CERTS
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const require = createRequire(import.meta.url);
const tls = require('node:tls');
const port = Number(process.env.EMULATOR_PORT);
const keyFile = process.env.EMULATOR_ACCOUNT;
const key = 'emulated-key';
const model = 'emulated-1';
const WORDS = Array.from({ length: 40 }, (_, i) => `word${String(i).padStart(4, '0')} `).join('');
const LIMIT = { timeout: 180_000 };

// connect-to for all clients of this process, whatever HTTP library they use.
const connect = tls.connect;
tls.connect = function (...words) {
  const at = words.findIndex((word) => typeof word === 'object' && word !== null);
  const options = at < 0 ? {} : words[at];
  const name = options.servername || options.host;
  assert.ok(!options.socket, 'a connection through a proxy');
  return connect.call(tls, { ...options, host: '127.0.0.1', port, servername: name, path: undefined },
    ...words.filter((word) => typeof word === 'function'));
};

test('openai: Chat Completions', LIMIT, async () => {
  const { default: OpenAI } = await import('openai');
  const client = new OpenAI({ apiKey: key, maxRetries: 0 });
  const messages = [{ role: 'user', content: 'Hi' }];
  const whole = await client.chat.completions.create({ model, messages });
  assert.equal(whole.choices[0].message.content, WORDS);
  let text = '';
  let usage;
  const stream = await client.chat.completions.create(
    { model, messages, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, WORDS);
  assert.equal(usage.completion_tokens, 40);
  await assert.rejects(client.chat.completions.create({ model, messages, surprise: 1 }),
    (error) => error.status === 400 && error.code === 'unknown_parameter');
  await assert.rejects(new OpenAI({ apiKey: 'wrong', maxRetries: 0 }).models.list(),
    (error) => error.status === 401 && error.code === 'invalid_api_key');
  const names = [];
  for await (const one of client.models.list()) names.push(one.id);
  assert.deepEqual(names, [model]);
});

test('openai: Responses', LIMIT, async () => {
  const { default: OpenAI } = await import('openai');
  const client = new OpenAI({ apiKey: key, maxRetries: 0 });
  const whole = await client.responses.create({ model, input: 'Hi', store: false });
  assert.equal(whole.output_text, WORDS);
  const schema = { type: 'object', additionalProperties: false, required: ['sql'],
    properties: { sql: { type: 'string' } } };
  const formed = await client.responses.create({ model, input: 'Hi', store: false,
    text: { format: { type: 'json_schema', name: 'sql', schema, strict: true } } });
  assert.deepEqual(JSON.parse(formed.output_text), { sql: 'text' });
  let text = '';
  let end;
  for await (const event of await client.responses.create(
    { model, input: [{ role: 'user', content: 'Hi' }], stream: true, store: false })) {
    if (event.type === 'response.output_text.delta') text += event.delta;
    end = event;
  }
  assert.equal(text, WORDS);
  assert.equal(end.type, 'response.completed');
  assert.equal(end.response.usage.output_tokens, 40);
});

test('anthropic', LIMIT, async () => {
  const { default: Anthropic } = await import('@anthropic-ai/sdk');
  const client = new Anthropic({ apiKey: key, maxRetries: 0 });
  const request = { model, max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }] };
  const whole = await client.messages.create(request);
  assert.equal(whole.content[0].text, WORDS);
  const final = await client.messages.stream(request).finalMessage();
  assert.equal(final.content[0].text, WORDS);
  assert.equal(final.stop_reason, 'end_turn');
  assert.equal(final.usage.output_tokens, 40);
  await assert.rejects(client.messages.create({ ...request, model: 'no-such' }),
    (error) => error.status === 404 && error.error.error.type === 'not_found_error');
  const names = [];
  for await (const one of client.models.list()) names.push(one.id);
  assert.deepEqual(names, [model]);
});

async function gemini(client) {
  const request = { model, contents: 'Hi', config: { systemInstruction: 'Be brief.' } };
  const whole = await client.models.generateContent(request);
  assert.equal(whole.text, WORDS);
  let text = '';
  for await (const chunk of await client.models.generateContentStream(request)) {
    text += chunk.text ?? '';
  }
  assert.equal(text, WORDS);
  const { Type } = await import('@google/genai');
  const formed = await client.models.generateContent({ model, contents: 'Hi', config: {
    responseMimeType: 'application/json',
    responseSchema: { type: Type.OBJECT, properties: { sql: { type: Type.STRING } } } } });
  assert.deepEqual(JSON.parse(formed.text), { sql: 'text' });
  await assert.rejects(client.models.generateContent({ model: 'no-such', contents: 'Hi' }),
    (error) => error.status === 404);
}

test('gemini', LIMIT, async () => {
  const { GoogleGenAI } = await import('@google/genai');
  await gemini(new GoogleGenAI({ apiKey: key }));
});

test('gemini by Vertex AI, with a service account', LIMIT, async () => {
  const { GoogleGenAI } = await import('@google/genai');
  await gemini(new GoogleGenAI({ vertexai: true, project: 'emulated-project',
    location: 'europe-west1', googleAuthOptions: { keyFile } }));
});

test('google-auth', LIMIT, async () => {
  const { GoogleAuth } = await import('google-auth-library');
  const auth = new GoogleAuth({ keyFile, scopes: 'https://www.googleapis.com/auth/cloud-platform' });
  assert.match(await auth.getAccessToken(), /^ya29\./);
});

test('bigquery', LIMIT, async () => {
  const { BigQuery } = await import('@google-cloud/bigquery');
  const client = new BigQuery({ projectId: 'emulated-project', keyFilename: keyFile });
  const [rows] = await client.query({ query: 'SELECT id, name FROM `p.d.t` WHERE id IN UNNEST(@ids)',
    params: { ids: [1, 2] }, maximumBytesBilled: '1000000000' });
  assert.deepEqual(rows, [{ id: 1, name: 'one' }, { id: 2, name: 'two' }, { id: 3, name: null }]);
  const [job] = await client.createQueryJob({ query: 'SELECT 1', dryRun: true });
  assert.equal(job.metadata.statistics.query.statementType, 'SELECT');
});

test('discoveryengine', LIMIT, async () => {
  const { SearchServiceClient } = await import('@google-cloud/discoveryengine');
  const client = new SearchServiceClient({ fallback: true, keyFilename: keyFile });
  const [results] = await client.search({
    servingConfig: 'projects/p/locations/global/collections/default_collection/engines/e/' +
      'servingConfigs/default_search',
    query: 'scope', pageSize: 2, filter: 'project_id: ANY("12")',
    contentSearchSpec: { snippetSpec: { returnSnippet: true } } }, { autoPaginate: false });
  assert.equal(results.length, 2);
  assert.equal(results[0].document.id, 'doc-1');
});

test('hubspot', LIMIT, async () => {
  const { Client } = await import('@hubspot/api-client');
  const client = new Client({ accessToken: key });
  const found = await client.crm.deals.searchApi.doSearch({ query: 'acme', limit: 2, after: '0',
    sorts: [], properties: ['dealname', 'amount'], filterGroups: [
      { filters: [{ propertyName: 'amount', operator: 'GTE', value: '1000' }] }] });
  assert.equal(found.total, 3);
  assert.equal(found.results[0].properties.dealname, 'Deal 1');
  assert.equal(found.paging.next.after, '2');
});

test('deepgram', LIMIT, async () => {
  const { DeepgramClient } = await import('@deepgram/sdk');
  const client = new DeepgramClient({ apiKey: key });
  const projects = await client.manage.v1.projects.list();
  assert.equal(projects.projects[0].project_id, 'emulated-project');
  const models = await client.manage.v1.models.list();
  assert.deepEqual(models.stt.map((one) => one.canonical_name),
    ['nova-3-general', 'nova-2-general']);
  const raw = { queryParams: { sample_rate: 16000 } }; // its types have no such parameter
  const whole = await client.listen.v1.media.transcribeFile(
    Buffer.from(new Int16Array(16000).fill(1000, 0, 3200).fill(1001, 4000, 7200).buffer),
    { model: 'nova-3', language: 'en', encoding: 'linear16' }, raw);
  assert.equal(whole.results.channels[0].alternatives[0].transcript, 'word0 word1');
  assert.equal(whole.metadata.duration, 1);
  await assert.rejects(client.listen.v1.media.transcribeFile(Buffer.alloc(3200),
    { model: 'nova-0', encoding: 'linear16' }, raw),
  (error) => error.statusCode === 400 && /no such model/.test(error.body.err_msg));
  const connection = await client.listen.v1.connect({ model: 'nova-3', language: 'en',
    encoding: 'linear16', sample_rate: 16000, channels: 1, interim_results: 'true',
    endpointing: 300, utterance_end_ms: 1000, vad_events: 'true', smart_format: 'true',
    keyterm: ['roof', 'bay side'] });
  const seen = [];
  const closed = new Promise((resolve, reject) => {
    connection.on('message', (message) => {
      seen.push(message);
      if (message.type === 'UtteranceEnd') connection.sendCloseStream({ type: 'CloseStream' });
      if (message.type === 'Metadata') resolve();
    });
    connection.on('error', reject);
  });
  connection.connect();
  await connection.waitForOpen();
  connection.sendKeepAlive({ type: 'KeepAlive' });
  // The words are runs of the samples 1000 and 1001, as the emulator hears them.
  const sound = new Int16Array(16000 * 2).fill(1000, 0, 3200).fill(1001, 4000, 7200);
  for (let at = 0; at < sound.length; at += 1600) connection.sendMedia(sound.slice(at, at + 1600));
  await closed;
  connection.close();
  const kinds = new Set(seen.map((message) => message.type));
  assert.deepEqual([...kinds].sort(), ['Metadata', 'Results', 'SpeechStarted', 'UtteranceEnd']);
  const final = seen.find((message) => message.speech_final);
  assert.equal(final.channel.alternatives[0].transcript, 'word0 word1');
  assert.equal(final.channel.alternatives[0].words[1].end, 0.45);
});

test('elevenlabs', LIMIT, async () => {
  const { ElevenLabsClient } = await import('@elevenlabs/elevenlabs-js');
  const client = new ElevenLabsClient({ apiKey: key, maxRetries: 0 });
  const found = await client.voices.search({ search: 'rachel', pageSize: 100 });
  const [voice] = found.voices;
  assert.equal(voice.name, 'Rachel - calm');
  const spoken = { text: 'Two invoices are open.', modelId: 'eleven_flash_v2_5',
    outputFormat: 'pcm_16000', previousText: 'Here it is.',
    voiceSettings: { stability: 0.5, similarityBoost: 0.75, speed: 1.0 } };
  let bytes = 0;
  for await (const piece of await client.textToSpeech.stream(voice.voiceId, spoken)) {
    bytes += piece.length;
  }
  assert.equal(bytes, spoken.text.length * 60 * 16 * 2);
  assert.equal((await client.voices.get(voice.voiceId)).name, voice.name);
  const models = await client.models.list();
  assert.ok(models.some((one) => one.modelId === spoken.modelId && one.canDoTextToSpeech));
  const plan = await client.user.subscription.get();
  assert.equal(plan.characterLimit - plan.characterCount, 90000);
  await assert.rejects(client.textToSpeech.stream('rachel', spoken),
    (error) => error.statusCode === 404 && error.body.detail.status === 'voice_not_found');
  await assert.rejects(
    new ElevenLabsClient({ apiKey: 'wrong', maxRetries: 0 }).textToSpeech.stream(voice.voiceId, spoken),
    (error) => error.statusCode === 401 && error.body.detail.status === 'invalid_api_key');
});
