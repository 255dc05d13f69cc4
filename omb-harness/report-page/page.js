// Draws the report's charts in the reader's browser: uPlot, a heat map under it, a cursor by mouse and keys, a table behind
// each chart. Runs alone in the page, from the JSON in it; owner: the page. Not hot.
//
// Every string that came from a result goes through textContent or a canvas, never through markup.
'use strict';
(() => {
  const charts = JSON.parse(document.getElementById('charts').textContent);
  const drawn = [];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colourOf = (series) => css(`--c${series.colour}`);
  const widths = { bold: 2.6, solid: 1.4, dashed: 1.4, dotted: 1.4 };
  const dashes = { bold: [], solid: [], dashed: [7, 4], dotted: [2, 3] };
  const AXIS_PX = 74;

  const number = (value) => {
    if (value === null || value === undefined) return '–';
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString('en');
    return size === 0 ? '0' : String(Number(value.toPrecision(size >= 1 ? 4 : 3)));
  };

  const percentile = (beyond) => {
    const digits = Math.max(0, Math.ceil(Math.log10(beyond)) - 1);
    return `${Number((100 * (1 - 1 / beyond)).toFixed(digits))}%`;
  };

  const where = (chart, at) => (chart.axis === 'percentile' ? percentile(chart.x[at]) : `${number(chart.x[at])} s`);

  function make(name, className, text) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // --- under the lines ---

  function paintShades(u, chart) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const shade of chart.shades) {
      const from = u.valToPos(Math.max(shade.from, chart.xRange[0]), 'x', true);
      const to = u.valToPos(Math.min(shade.to, chart.xRange[1]), 'x', true);
      if (!(to > from)) continue;
      ctx.fillStyle = css('--shade');
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
    }
    ctx.restore();
  }

  /** Above the plot, where no line goes through them. */
  function nameShades(u, chart) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textBaseline = 'bottom';
    ctx.textAlign = 'left';
    ctx.fillStyle = css('--muted');
    for (const shade of chart.shades) {
      const from = u.valToPos(Math.max(shade.from, chart.xRange[0]), 'x', true);
      const to = u.valToPos(Math.min(shade.to, chart.xRange[1]), 'x', true);
      if (ctx.measureText(shade.label).width < to - from) ctx.fillText(shade.label, from, bbox.top - 3 * devicePixelRatio);
    }
    ctx.restore();
  }

  function hatch(ctx, left, top, width, height) {
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.strokeStyle = css('--c5');
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (let at = left - height; at < left + width; at += 9 * devicePixelRatio) {
      ctx.moveTo(at, top + height);
      ctx.lineTo(at + height, top);
    }
    ctx.stroke();
    ctx.restore();
  }

  function paintHeat(u, { heat }) {
    if (heat === null) return;
    const { ctx, bbox } = u;
    let most = 1;
    for (const column of heat.columns.filter(Boolean)) for (let at = 1; at < column.length; at += 2) most = Math.max(most, column[at]);
    const edge = (bin) => u.valToPos(heat.lowest * 10 ** (bin / heat.perDecade), 'y', true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = css('--heat');
    heat.columns.forEach((column, index) => {
      const left = Math.round(u.valToPos(heat.starts[index], 'x', true));
      const right = Math.max(left + 1, Math.round(u.valToPos(heat.ends[index], 'x', true)));
      if (column === null) {
        hatch(ctx, left, bbox.top, right - left, bbox.height);
        return;
      }
      for (let at = 0; at < column.length; at += 2) {
        const top = Math.round(edge(column[at] + 1));
        const bottom = Math.max(top + 1, Math.round(edge(column[at])));
        // One record alone must be seen too: it is what a tail is made of.
        ctx.globalAlpha = 0.18 + 0.82 * (Math.log1p(column[at + 1]) / Math.log1p(most));
        ctx.fillRect(left, top, right - left, bottom - top);
      }
    });
    ctx.restore();
  }

  // --- the chart ---

  const percentileTicks = (u, axis, from, to) => {
    const ticks = [];
    for (const beyond of [1, 2, 4, 10]) ticks.push(beyond);
    for (let beyond = 100; beyond <= to; beyond *= 10) ticks.push(beyond);
    return ticks.filter((tick) => tick >= from && tick <= to);
  };

  function yRange(chart) {
    if (chart.yRange !== null) return chart.yRange;
    let low = Infinity;
    let high = -Infinity;
    for (const { values } of chart.series)
      for (const value of values)
        if (value !== null) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
    if (high < low) return chart.yLog ? [0.1, 1] : [0, 1];
    if (chart.yLog) return [low / 1.3, high * 1.3];
    return [0, high === 0 ? 1 : high * 1.08];
  }

  function axes(chart) {
    const common = { stroke: css('--text'), grid: { stroke: css('--grid'), width: 1 }, ticks: { stroke: css('--grid'), width: 1 } };
    const x = { ...common, label: chart.xLabel, labelSize: 22, size: 34 };
    if (chart.axis === 'percentile')
      Object.assign(x, { splits: percentileTicks, filter: (u, ticks) => ticks, values: (u, ticks) => ticks.map(percentile) });
    const y = {
      ...common,
      label: chart.yLabel,
      labelSize: 22,
      size: AXIS_PX,
      values: (u, ticks) => ticks.map((tick) => (tick === null ? '' : number(tick))),
    };
    return [x, y];
  }

  function options(chart, width, onCursor) {
    return {
      width,
      height: chart.heat === null ? 240 : 320,
      // Room for the last number of the axis.
      padding: [18, 28, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: chart.group, setSeries: false } },
      scales: {
        x: { time: false, distr: chart.axis === 'percentile' ? 3 : 1, range: () => chart.xRange },
        y: { distr: chart.yLog ? 3 : 1, range: () => yRange(chart) },
      },
      axes: axes(chart),
      series: [
        {},
        ...chart.series.map((series) => ({
          label: series.label,
          stroke: colourOf(series),
          width: widths[series.stroke],
          dash: dashes[series.stroke],
          spanGaps: false,
          points: { show: series.values.length < 3 },
        })),
      ],
      hooks: {
        drawClear: [(u) => paintShades(u, chart)],
        // Over the grid, under the lines.
        drawAxes: [(u) => paintHeat(u, chart), (u) => nameShades(u, chart)],
        setCursor: [onCursor],
      },
    };
  }

  function swatch(series) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('width', '26');
    svg.setAttribute('height', '8');
    svg.setAttribute('aria-hidden', 'true');
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    const attributes = {
      x1: 0,
      x2: 26,
      y1: 4,
      y2: 4,
      'stroke-width': widths[series.stroke],
      'stroke-dasharray': dashes[series.stroke].join(' '),
    };
    for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, String(value));
    line.style.stroke = `var(--c${series.colour})`;
    svg.append(line);
    return svg;
  }

  function legend(chart, toggle) {
    const list = make('ul', 'legend');
    const values = chart.series.map((series, index) => {
      const button = make('button');
      button.type = 'button';
      button.setAttribute('aria-pressed', 'true');
      const value = make('span', 'value');
      button.append(swatch(series), make('span', '', series.label), value);
      button.addEventListener('click', () => {
        const shown = button.getAttribute('aria-pressed') !== 'true';
        button.setAttribute('aria-pressed', String(shown));
        toggle(index, shown);
      });
      const item = make('li');
      item.append(button);
      list.append(item);
      return value;
    });
    return { list, values };
  }

  function fillTable(chart, details) {
    const table = make('table', 'data');
    const head = table.createTHead().insertRow();
    for (const name of [chart.xLabel, ...chart.series.map(({ label, unit }) => `${label}, ${unit}`)]) {
      const cell = make('th', '', name);
      cell.scope = 'col';
      head.append(cell);
    }
    const body = table.createTBody();
    chart.x.forEach((_, at) => {
      const row = body.insertRow();
      const cell = make('th', '', where(chart, at));
      cell.scope = 'row';
      row.append(cell);
      for (const { values } of chart.series) row.append(make('td', '', number(values[at])));
    });
    const box = make('div', 'scroll');
    box.tabIndex = 0;
    box.append(table);
    details.append(box);
  }

  function describe(chart, at) {
    const parts = chart.series
      .filter(({ values }) => values[at] !== null)
      .map(({ label, unit, values }) => `${label} ${number(values[at])} ${unit}`);
    return `${where(chart, at)}: ${parts.join(', ') || 'nothing'}`;
  }

  function moveTo(group, at) {
    for (const other of drawn.filter(({ chart }) => chart.group === group)) {
      const left = at === null ? -10 : other.u.valToPos(other.chart.x[at], 'x');
      other.u.setCursor({ left, top: at === null ? -10 : 10 }, true, false);
    }
  }

  function keys(entry, event) {
    const { chart, u } = entry;
    const last = chart.x.length - 1;
    const now = u.cursor.idx;
    const step = event.shiftKey ? 10 : 1;
    const moves = {
      ArrowRight: () => Math.min(last, (now ?? -1) + step),
      ArrowLeft: () => Math.max(0, (now ?? last + 1) - step),
      Home: () => 0,
      End: () => last,
      Escape: () => null,
    };
    if (!Object.hasOwn(moves, event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const at = moves[event.key]();
    moveTo(chart.group, at);
    entry.spoken.textContent = at === null ? '' : describe(chart, at);
  }

  function draw(chart) {
    const figure = document.getElementById(chart.id);
    const box = figure.querySelector('.plot');
    const position = make('p', 'position');
    const spoken = make('p', 'spoken');
    spoken.setAttribute('aria-live', 'polite');
    const entry = { chart, box, spoken, u: null, hidden: new Set() };
    const { list, values } = legend(chart, (index, shown) => {
      if (shown) entry.hidden.delete(index);
      else entry.hidden.add(index);
      entry.u.setSeries(index + 1, { show: shown });
    });
    entry.onCursor = (u) => {
      const at = u.cursor.idx;
      const on = at !== null && at !== undefined && u.cursor.left >= 0;
      position.textContent = on ? where(chart, at) : '';
      chart.series.forEach((series, index) => (values[index].textContent = on ? `${number(series.values[at])} ${series.unit}` : ''));
    };
    box.before(list, position);
    box.after(spoken);
    box.addEventListener('keydown', (event) => keys(entry, event));
    const details = figure.querySelector('details');
    details.addEventListener('toggle', () => details.open && details.querySelector('table') === null && fillTable(chart, details));
    drawn.push(entry);
    build(entry);
    new ResizeObserver(() => {
      if (Math.abs(box.clientWidth - entry.u.width) > 1) entry.u.setSize({ width: box.clientWidth, height: entry.u.height });
    }).observe(box);
  }

  /** Anew when colours change: a canvas keeps those it was drawn with. */
  function build(entry) {
    const { chart, box } = entry;
    entry.u?.destroy();
    const data = [chart.x, ...chart.series.map(({ values }) => values)];
    entry.u = new uPlot(options(chart, box.clientWidth, entry.onCursor), data, box);
    for (const index of entry.hidden) entry.u.setSeries(index + 1, { show: false });
  }

  const redraw = () => drawn.forEach(build);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const toggle = document.getElementById('theme');
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? 'dark' : 'light')) === 'dark';
  const label = () => (toggle.textContent = isDark() ? 'Light' : 'Dark');
  toggle.hidden = false;
  toggle.addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    label();
    redraw();
  });
  dark.addEventListener('change', () => {
    label();
    redraw();
  });
  label();
  charts.forEach(draw);
})();
