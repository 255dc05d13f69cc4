// The console's page: asks for the broker's numbers once a second and shows them. Reads only; nothing else is fetched.

const PERIOD_MS = 1000;
const KEPT = 120;
const history = [];
const expanded = new Set();
let token = sessionStorage.getItem('token') ?? '';
let previous = null;
/** By hand; null: what is asked for most, Produce before others. */
let chosenApi = null;

const find = (selector) => document.querySelector(selector);
/** Text only: names of topics and groups are never markup. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const count = (value) => (value < 100_000 ? whole.format(Math.round(value)) : short.format(value));
function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
function time(us) {
  if (us === null) return '–';
  if (us < 1000) return `${Math.round(us)} µs`;
  return us < 1e6 ? `${(us / 1000).toFixed(us < 10_000 ? 2 : 0)} ms` : `${(us / 1e6).toFixed(1)} s`;
}

/** What came to each bucket since the last look. */
const since = (now, before) => now.map((value, i) => value - (before?.[i] ?? 0));
/** The bound of the bucket that the quantile falls in; null when there is none. */
function quantile(buckets, bounds, q) {
  const total = buckets.reduce((sum, value) => sum + value, 0);
  if (total <= 0) return null;
  let below = 0;
  for (let i = 0; i < buckets.length; i++) {
    below += buckets[i];
    if (below >= q * total) return bounds[i];
  }
  return bounds.at(-1);
}

function rates(now, before) {
  const seconds = before === null ? null : (now.wallMs - before.wallMs) / 1000;
  const rate = (of) => (seconds === null || seconds <= 0 ? 0 : Math.max(0, of(now) - of(before)) / seconds);
  const total = (key) => (state) => state.topics.reduce((sum, topic) => sum + topic[key], 0);
  const requests = (state) => state.apis.reduce((sum, api) => sum + api.count, 0);
  const latencies = new Map();
  for (const api of now.apis) {
    const fresh = since(api.buckets, before?.apis.find(({ name }) => name === api.name)?.buckets);
    latencies.set(api.name, [quantile(fresh, now.bounds, 0.5), quantile(fresh, now.bounds, 0.99)]);
  }
  const topics = new Map();
  for (const topic of now.topics) {
    const earlier = before?.topics.find(({ name }) => name === topic.name);
    const of = (key) => (earlier === undefined || !seconds ? 0 : Math.max(0, topic[key] - earlier[key]) / seconds);
    topics.set(topic.name, { recordsIn: of('recordsIn'), bytesIn: of('bytesIn'), bytesOut: of('bytesOut') });
  }
  return {
    recordsIn: rate(total('recordsIn')),
    bytesIn: rate(total('bytesIn')),
    bytesOut: rate(total('bytesOut')),
    requests: rate(requests),
    latencies,
    topics,
  };
}

function showTiles(state, now) {
  const connections = state.shards.reduce((sum, shard) => sum + shard.connections, 0);
  const lag = state.groups.reduce((sum, group) => sum + group.topics.reduce((all, topic) => all + topic.lag, 0), 0);
  const tiles = [
    ['records/s in', count(now.recordsIn)],
    ['bytes/s in', bytes(now.bytesIn)],
    ['bytes/s out', bytes(now.bytesOut)],
    ['requests/s', count(now.requests)],
    ['connections', count(connections)],
    ['partitions', count(state.partitionCount)],
    ['lag of all groups', count(lag)],
  ];
  find('#tiles').replaceChildren(...tiles.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));
}

/** Lines over the last two minutes; gaps where there is nothing. */
function draw(figure, lines, words) {
  const svg = find(`#${figure} svg`);
  const most = Math.max(0, ...lines.flat());
  const top = Math.max(1, most) * 1.1;
  find(`#${figure} small`).textContent = most > 0 ? `2 minutes, up to ${words(most)}` : '';
  const x = (i) => (600 * (i + KEPT - lines[0].length)) / (KEPT - 1);
  const paths = lines.map((line) => {
    let d = '';
    let open = false;
    line.forEach((value, i) => {
      if (value === null) open = false;
      else {
        d += `${open ? 'L' : 'M'}${x(i).toFixed(1)} ${(145 - (140 * value) / top).toFixed(1)}`;
        // One alone would not be seen.
        if (!open) d += 'h1';
        open = true;
      }
    });
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', d);
    return path;
  });
  const grid = [5, 75, 145].map((y) => {
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    for (const [name, value] of Object.entries({ x1: 0, x2: 600, y1: y, y2: y })) line.setAttribute(name, value);
    return line;
  });
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.replaceChildren(...grid, ...paths);
  document.querySelectorAll(`#${figure} .key b`).forEach((one, i) => (one.textContent = words(lines[i].at(-1))));
}

/** Records may come in by the gateway alone: then no client asks for Produce. */
function busiestApi({ apis }) {
  const seen = ({ name }) => history.some(({ latencies }) => (latencies.get(name)?.[0] ?? null) !== null);
  const busiest = apis.filter(seen).sort((a, b) => b.count - a.count);
  return (busiest.find(({ name }) => name === 'Produce') ?? busiest[0])?.name ?? 'Produce';
}

function showCharts(state) {
  const names = state.apis.map(({ name }) => name).sort();
  const select = find('#api');
  const listed = [...select.options].map(({ value }) => value);
  const api = chosenApi ?? busiestApi(state);
  if (!names.includes(api)) names.unshift(api);
  if (listed.join() !== names.join()) select.replaceChildren(...names.map((name) => element('option', {}, name)));
  select.value = api;
  const latency = (i) => history.map(({ latencies }) => latencies.get(api)?.[i] ?? null);
  draw('latency', [latency(0), latency(1)], time);
  draw('throughput', [history.map(({ bytesIn }) => bytesIn), history.map(({ bytesOut }) => bytesOut)], (value) => `${bytes(value)}/s`);
}

function bar(name, { used, size }, words) {
  const meter = element('meter', {
    min: 0,
    max: Math.max(size, 1),
    low: size * 0.6,
    high: size * 0.9,
    optimum: 0,
    value: used,
    'aria-label': name,
  });
  return [element('dt', {}, name), element('dd', {}, meter), element('dd', {}, words(used, size))];
}

function showShards(state) {
  const cards = state.shards.map((shard, i) => {
    const before = previous?.shards[i];
    const fresh = (key) => since(shard[key].buckets, before?.[key].buckets);
    const mean = (key) => {
      const n = shard[key].count - (before?.[key].count ?? 0);
      return n > 0 ? (shard[key].sum - (before?.[key].sum ?? 0)) / n : null;
    };
    const row = (name, value) => [element('dt', {}, name), element('dd', { class: 'wide' }, value)];
    const commits = mean('commitPartitions');
    const { memory, file, disk } = shard.reads;
    const hits = memory + file === 0 || disk === null ? '–' : `${Math.max(0, 100 - (100 * disk) / (memory + file)).toFixed(1)} %`;
    const fill = (used, size) => `${count(used)} of ${count(size)}`;
    return element(
      'article',
      { class: 'shard' },
      element('h3', {}, `Shard ${shard.shard} `, element('small', {}, shard.core === null ? '' : `core ${shard.core}`)),
      element(
        'dl',
        {},
        ...bar('tick ring', shard.tickRing, fill),
        ...(shard.mailRing.size > 0 ? bar('mail ring', shard.mailRing, fill) : []),
        ...bar('arena', shard.arena, (used, size) => `${bytes(used)} of ${bytes(size)}`),
        ...row(
          'tick p50 / p99',
          `${time(quantile(fresh('tickUs'), state.bounds, 0.5))} / ${time(quantile(fresh('tickUs'), state.bounds, 0.99))}`,
        ),
        ...row('group commit p99', time(quantile(fresh('commitUs'), state.bounds, 0.99))),
        ...row('a commit', commits === null ? '–' : `${bytes(mean('commitBytes'))}, ${commits.toFixed(1)} partitions`),
        ...row('cached reads', hits),
        ...row('connections', count(shard.connections)),
        ...row('partitions', count(shard.partitions)),
      ),
    );
  });
  find('#shards').replaceChildren(...cards);
}

function showTopics(state, now) {
  const rows = state.topics.flatMap((topic) => {
    const rate = now.topics.get(topic.name);
    const open = expanded.has(topic.name);
    const toggle = () => {
      if (!expanded.delete(topic.name)) expanded.add(topic.name);
      showTopics(state, now);
    };
    const cells = [topic.partitions, topic.records, null, rate.recordsIn].map((value) =>
      value === null ? bytes(topic.sizeBytes) : count(value),
    );
    const head = element(
      'tr',
      {},
      element(
        'td',
        {},
        element('button', { type: 'button', 'aria-expanded': open, 'data-topic': topic.name, onclick: toggle }, topic.name),
      ),
      ...[...cells, `${bytes(rate.bytesIn)}/s`, `${bytes(rate.bytesOut)}/s`].map((text) => element('td', {}, text)),
    );
    if (!open) return [head];
    return [head, ...state.partitions.filter((one) => one.topic === topic.name).map(partitionRow)];
  });
  const focused = document.activeElement?.dataset?.topic;
  find('#topics tbody').replaceChildren(
    ...(rows.length > 0 ? rows : [element('tr', {}, element('td', { class: 'empty', colspan: 7 }, 'no topics yet'))]),
  );
  if (focused !== undefined) [...document.querySelectorAll('#topics button')].find(({ dataset }) => dataset.topic === focused)?.focus();
  const missing = state.partitionCount - state.partitions.length;
  find('#topics-note').textContent = missing > 0 ? `${count(missing)} partitions are left out here, not in /metrics` : '';
}

function partitionRow({ index, shard, startOffset, highWatermark, durableOffset, sizeBytes, segments, failed }) {
  const cells = [
    `partition ${index}${failed ? ' failed' : ''}`,
    `shard ${shard}`,
    `${whole.format(startOffset)} to ${whole.format(highWatermark)}`,
    bytes(sizeBytes),
    `${count(segments)} ${segments === 1 ? 'segment' : 'segments'}`,
    durableOffset < highWatermark ? `${count(highWatermark - durableOffset)} not durable` : 'durable',
    '',
  ];
  return element('tr', { class: failed ? 'partition failed' : 'partition' }, ...cells.map((text) => element('td', {}, text)));
}

function showGroups(state) {
  const rows = state.groups.flatMap((group) => {
    const topics = group.topics.length > 0 ? group.topics : [{ topic: '–', lag: 0, lags: [] }];
    return topics.map(({ topic, lag, lags }, i) => {
      const most = Math.max(1, ...lags.map((one) => one ?? 0));
      const bars = lags.map((one) => {
        const made = element('i', { class: one === 0 ? 'none' : '', title: one === null ? 'unknown' : `${whole.format(one)} behind` });
        made.style.height = `${Math.max(2, (20 * (one ?? 0)) / most)}px`;
        return made;
      });
      const own = i === 0 ? [group.groupId, group.state, count(group.members)] : ['', '', ''];
      return element(
        'tr',
        {},
        ...[...own, topic, count(lag)].map((text) => element('td', {}, text)),
        element('td', {}, element('div', { class: 'lags' }, ...bars)),
      );
    });
  });
  find('#groups tbody').replaceChildren(
    ...(rows.length > 0 ? rows : [element('tr', {}, element('td', { class: 'empty', colspan: 6 }, 'no groups yet'))]),
  );
}

function say(kind, text) {
  const status = find('#status');
  status.className = kind;
  status.textContent = text;
}

function show(state) {
  const now = rates(state, previous);
  history.push(now);
  if (history.length > KEPT) history.shift();
  find('main').hidden = false;
  find('#token-form').hidden = true;
  find('#version').textContent = state.version;
  const silent = state.shards.filter(({ silentMs }) => silentMs > 10_000);
  if (silent.length > 0) say('down', `${silent.map(({ shard }) => `shard ${shard}`).join(', ')} said nothing for 10 s`);
  else say(state.ready ? 'up' : '', state.ready ? `up at ${state.addresses.join(', ')}, cluster ${state.clusterId}` : 'opening its logs');
  showTiles(state, now);
  showCharts(state);
  showShards(state);
  showTopics(state, now);
  showGroups(state);
  previous = state;
}

async function look() {
  try {
    const answer = await fetch('/console/state.json', { headers: token === '' ? {} : { authorization: `Bearer ${token}` } });
    if (answer.status === 401) {
      find('#token-form').hidden = false;
      say('down', token === '' ? 'needs a token' : 'that is not the token');
      return;
    }
    if (!answer.ok) throw new Error((await answer.json()).error);
    show(await answer.json());
  } catch (error) {
    say('down', `no answer: ${error.message}`);
  }
}

find('#api').addEventListener('change', ({ target }) => {
  chosenApi = target.value;
  if (previous !== null) showCharts(previous);
});
find('#token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  token = find('#token').value;
  sessionStorage.setItem('token', token);
  void look();
});
// One look at a time: a slow answer is not asked for twice.
for (;;) {
  if (!document.hidden) await look();
  await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
}
