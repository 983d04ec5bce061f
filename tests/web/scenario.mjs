// Event sequences as a gateway sends them (wire protocol v2), for the unit tests and the mock
// gateway. Pure data; ids and times are stamped on separately.

const kSources = [
  { id: 'doc-17', title: 'Harbor Point: main contract', url: 'https://example.test/doc-17', snippet: 'Contract sum and payment schedule for the Harbor Point terminal.' },
  { id: 'doc-42', title: 'Change order 7', url: '/documents/42', snippet: 'Additional piling on the north quay, approved in March.' },
  { id: 'crm-3', title: 'Harbor Authority', url: '', snippet: 'Contact: the port engineering office.' },
];

export const kRows = [
  { month: 'Jan', status: 'paid', amount: 420000 },
  { month: 'Feb', status: 'paid', amount: 388500 },
  { month: 'Mar', status: 'paid', amount: 512250.5 },
  { month: 'Apr', status: 'paid', amount: 145000 },
  { month: 'Jan', status: 'open', amount: 0 },
  { month: 'Feb', status: 'open', amount: 61000 },
  { month: 'Mar', status: 'open', amount: 98400 },
  { month: 'Apr', status: 'open', amount: 233100 },
];

export const kChart = {
  type: 'chart',
  chart_id: 'c1',
  title: 'Invoiced and open by month',
  rows: kRows,
  spec: {
    $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
    mark: 'bar',
    data: { values: kRows },
    encoding: {
      x: { field: 'month', type: 'ordinal', sort: null },
      y: { field: 'amount', type: 'quantitative', axis: { format: '$,.0f' } },
      color: { field: 'status', type: 'nominal' },
    },
  },
};

export const kAnswer = [
  'On **Harbor Point** we have invoiced ',
  '**$1,858,250.50** so far [1]. ',
  'Of that, **$392,500** is still open [2].\n\n',
  '### What is open\n\n| Invoice | Due | Amount |\n|---|---|---:|\n| HP-0231 | 12 Apr | $233,100 |\n',
  '| HP-0219 | 3 Mar | $98,400 |\n| HP-0207 | 9 Feb | $61,000 |\n\n',
  '1. The largest open invoice is `HP-0231`.\n2. Two reminders were sent – the last one on 2 May [3].\n\n',
  '```sql\nSELECT SUM(amount) FROM invoices\nWHERE project = \'Harbor Point\';\n```\n\n',
  'Payment usually follows within 30 days. 🚢',
];

const phaseStart = (phase, message, index) => ({ type: 'phase_start', phase, message, index, total: 4 });
const phaseEnd = (phase, data, duration_ms) => ({ type: 'phase_complete', phase, data, status: 'ok', duration_ms });

export function toolEvents(call, { status = 'ok', summary = call.summary, ...more } = {}) {
  const { tool, name = tool, message, args = {}, duration_ms = 300, ...rest } = call;
  delete rest.summary;
  return [
    { type: 'tool_start', tool, message, call_id: `call-${tool}`, name, args, timeout_ms: 8000 },
    { type: 'tool_complete', tool, summary, call_id: `call-${tool}`, status, duration_ms, attempts: 1, ...rest, ...more },
  ];
}

export const kTools = {
  documents: {
    tool: 'vertex_search', message: 'Searching documents...', summary: 'Found 2 documents', duration_ms: 184,
    args: { query: 'Harbor Point invoices' }, rows: 2,
    preview: { columns: ['title', 'date'], rows: [['Harbor Point: main contract', '2024-11-02'], ['Change order 7', '2025-03-14']] },
  },
  analytics: {
    tool: 'bigquery', message: 'Querying analytics...', summary: 'Returned 8 row(s)', duration_ms: 412,
    args: { question: 'Invoices of Harbor Point by month', sql: "SELECT month, status, SUM(amount) AS amount\nFROM invoices\nWHERE project_id = 17\nGROUP BY month, status" },
    rows: 8, truncated: false, preview: kRows,
  },
  crm: {
    tool: 'hubspot', message: 'Checking CRM...', summary: 'CRM data retrieved', duration_ms: 96,
    args: { company: 'Harbor Authority' }, preview: 'Harbor Authority, port engineering office',
  },
  chart: { tool: 'powerbi', message: 'Preparing visualization...', summary: 'Visualization ready', duration_ms: 21 },
};

/** The events of one whole answer, without ids. `head` stops before the text. */
export function answerEvents({ chunks = kAnswer, tools = ['documents', 'analytics', 'crm', 'chart'], chart = kChart, sources = kSources, status = 'ok' } = {}) {
  const calls = tools.map((name) => toolEvents(kTools[name]));
  let offset = 0;
  const text = chunks.map((content) => {
    const event = { type: 'text_chunk', content, offset };
    offset += content.length;
    return event;
  });
  return [
    { type: 'turn_start', attempt: 1, queue_ms: 2 },
    phaseStart('project_resolution', 'Identifying projects in your question...', 0),
    phaseEnd('project_resolution', { found: 1, projects: ['Harbor Point'] }, 38),
    phaseStart('routing', 'Analyzing your question...', 1),
    phaseEnd('routing', { tools: ['vertex_search', 'claude_sql', 'hubspot', 'powerbi'], reasoning: 'Amounts come from the invoices, the open ones need documents and the customer.' }, 55),
    ...calls.map(([start]) => start),
    ...calls.map(([, end]) => end),
    ...(chart ? [chart] : []),
    { type: 'sources', sources },
    phaseStart('merge', 'Synthesizing findings...', 2),
    phaseEnd('merge', { insights_count: 3 }, 71),
    phaseStart('response', 'Composing answer...', 3),
    ...text,
    { type: 'usage', provider: 'local', model: 'embedded', input_tokens: 812, output_tokens: 164 },
    {
      type: 'response_complete', sources, status, text_length: offset,
      timings: { queue_ms: 2, phases: { project_resolution: 38, routing: 55, merge: 71, response: 640 }, tools: { bigquery: 412 }, first_token_ms: 640, total_ms: 1280 },
      usage: { input_tokens: 812, output_tokens: 164 }, trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
  ];
}

/** Gives events the fields every turn event carries. */
export function stamp(events, { turnId = 't1', messageId, epoch = 1, from = 1, ts = 1_000_000 } = {}) {
  return events.map((event, index) => ({
    ...event,
    ...(event.type === 'turn_start' && messageId ? { message_id: messageId } : {}),
    turn_id: turnId,
    id: `${epoch}-${from + index}`,
    ts: ts + index,
  }));
}
