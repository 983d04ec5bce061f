// One chart card: heading, drawing, legend, "view data". Plain charts are drawn as SVG at once; for
// the others vega-embed is loaded where the server offers it; what is left is shown as a table. The
// table is always one click away.

import { chartRows, chartSeries, drawChart } from './chart_svg.js';
import { h, icon, loadScript, setHidden, setText } from './dom.js';
import { tableView } from './view_table.js';
import { toTable } from './table_data.js';

const kVegaFiles = ['/vendor/vega.min.js', '/vendor/vega-lite.min.js', '/vendor/vega-embed.min.js'];
const kCompound = ['facet', 'concat', 'hconcat', 'vconcat', 'repeat'];
const kResizePx = 24;
let vega = null;

// Loaded once, when the first chart comes; null where it is not installed.
function loadVega() {
  vega ??= (async () => {
    try {
      for (const file of kVegaFiles) await loadScript(file);
      return globalThis.vegaEmbed ?? null;
    } catch {
      return null;
    }
  })();
  return vega;
}

// Data comes with the event alone: a specification that names addresses gets nothing.
const refuse = async () => Promise.reject(new Error('charts load nothing'));
const kNoLoader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };

// A canvas knows no CSS variables: the page's colours as the browser resolves them now.
function themeConfig() {
  const probe = h('span');
  document.body.append(probe);
  const color = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [ink, line] = [color('--soft'), color('--line')];
  const category = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => color(`--series-${n}`));
  probe.remove();
  const text = { labelColor: ink, titleColor: ink, titleFontWeight: 'normal' };
  return {
    background: 'transparent',
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    axis: { ...text, gridColor: line, domainColor: line, tickColor: line },
    axisX: { labelAngle: 0 },
    legend: text,
    title: { color: ink },
    header: text,
    mark: { color: category[0] },
    range: { category },
  };
}

export class ChartView {
  constructor(chart) {
    this.chart = chart;
    this.rows = chartRows(chart.spec, chart.rows) ?? [];
    this.title = chart.title || (typeof chart.spec.title === 'string' ? chart.spec.title : '') || 'Chart';
    this.stage = h('div.stage');
    this.table = h('div.chart-data', { hidden: true });
    this.word = h('span', {}, 'View data');
    this.toggle = h('button.quiet', { type: 'button', 'aria-expanded': 'false', onclick: () => this.showTable(this.table.hidden) }, icon('table'), this.word);
    const head = h('figcaption', {}, h('span.chart-title', {}, this.title), this.toggle);
    this.root = h('figure.card.chart', {}, head, this.stage, this.table);
    this.drawn = 0;
    this.drawnFor = 0;
    this.draw();
    new ResizeObserver(() => {
      if (this.stage.dataset.kind === 'svg' && Math.abs(this.room() - this.drawnFor) > kResizePx) this.draw();
    }).observe(this.stage);
  }

  room() {
    return this.stage.clientWidth || Infinity;
  }

  /** Draws, also again when the colour scheme has changed. */
  async draw() {
    const run = (this.drawn += 1);
    const svg = drawChart(this.chart.spec, this.rows, this.title, this.room());
    if (svg) {
      this.stage.replaceChildren(svg, this.legend());
      this.stage.dataset.kind = 'svg';
      this.drawnFor = this.room();
      return;
    }
    const plainTable = this.chart.spec.usermeta?.type === 'table';
    const embed = this.rows.length > 0 && !plainTable ? await loadVega() : null;
    if (run !== this.drawn) return;
    if (embed && (await this.drawWithVega(embed))) return;
    this.stage.dataset.kind = 'none';
    setHidden(this.stage, true);
    this.showTable(true);
  }

  async drawWithVega(embed) {
    // `usermeta` could change the options below; the schema's version only causes warnings.
    const { title, usermeta, $schema, ...spec } = this.chart.spec;
    const values = this.rows.length > 0 ? { data: { values: this.rows } } : {};
    const plain = !kCompound.some((name) => name in spec);
    const sized = plain ? { width: 'container', height: spec.height ?? 260, autosize: { type: 'fit', contains: 'padding' } } : {};
    const target = h('div.vega');
    this.stage.replaceChildren(target);
    // `ast` evaluates expressions without eval, as the content security policy demands.
    const options = { mode: 'vega-lite', ast: true, actions: false, defaultStyle: false, tooltip: false, renderer: 'canvas', config: themeConfig(), loader: kNoLoader };
    try {
      await embed(target, { ...spec, ...values, ...sized }, options);
    } catch {
      return false;
    }
    const canvas = target.querySelector('canvas');
    canvas?.setAttribute('role', 'img');
    canvas?.setAttribute('aria-label', this.title);
    this.stage.dataset.kind = 'vega';
    return true;
  }

  legend() {
    const names = chartSeries(this.chart.spec, this.rows);
    if (names.length === 0) return '';
    return h('ul.legend', {}, names.map((name, index) => h('li', {}, h(`span.swatch.s${index + 1}`), name)));
  }

  showTable(shown) {
    if (shown && this.table.childElementCount === 0) {
      const data = toTable(this.rows);
      this.table.append(data ? tableView(data, this.title) : h('p.muted', {}, 'This chart came without data.'));
    }
    setHidden(this.table, !shown);
    setText(this.word, shown ? 'Hide data' : 'View data');
    this.toggle.setAttribute('aria-expanded', String(shown));
  }
}
