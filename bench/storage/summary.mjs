// From the runs of a row to what is printed of it: medians of each contender, ratios of neighbouring runs with their spread,
// and the verdict on the goals. A contender that did not run is left out, with every ratio that needs it. Pure.

import { median, summarize, verdict } from '../statistics.mjs';
import { number, tableLines } from '../table.mjs';

/** `results` are lists by contender, one result a pair. */
export function summarizeRow(row, results) {
  const ran = row.contenders.filter((name) => results[name]?.length > 0);
  const figure = (name) => row.figures.find((each) => each.name === name);
  const medians = ran.map((name) => ({
    contender: name,
    values: row.figures.map(({ of }) => {
      const values = results[name].map(of).filter((value) => Number.isFinite(value));
      return values.length > 0 ? median(values) : undefined;
    }),
  }));
  const ratios = row.ratios
    .filter(({ over, under }) => ran.includes(over) && ran.includes(under))
    .map(({ figure: name, over, under, ...goals }) => {
      const { of } = figure(name);
      // Pairs that both sides finished; a contender that was cut off early is not held against runs of another hour.
      const pairs = Math.min(results[over].length, results[under].length);
      const all = Array.from({ length: pairs }, (_, pair) => [results[over][pair], results[under][pair]]);
      const summarizePairs = (each) => {
        const ratio = each.length > 0 ? summarize(each.map(([top, bottom]) => of(top) / of(bottom))) : undefined;
        return { ratio, verdict: verdict(ratio, goals) };
      };
      const quiet = row.isQuiet && summarizePairs(all.filter((pair) => pair.every(row.isQuiet)));
      return { figure: name, over, under, goals, ...summarizePairs(all), quiet };
    });
  return { id: row.id, title: row.title, figures: row.figures.map(({ name }) => name), medians, ratios };
}

function goalTexts({ floor, aim, atMost }) {
  return [floor, aim].map((goal) => (goal === undefined ? '-' : `${atMost ? '<=' : '>='} ${goal}`));
}

function ratioTexts(ratio) {
  if (!ratio) return ['-', '-', '-', '0'];
  const { median: middle, min, max, low, high, count } = ratio;
  return [middle.toFixed(2), `${min.toFixed(2)}..${max.toFixed(2)}`, `${low.toFixed(2)}..${high.toFixed(2)}`, String(count)];
}

/** Text of a summary; `settings` says of each contender how it was set up and what its ack is worth. */
export function rowLines(summary, settings) {
  const contenders = summary.medians.map(({ contender, values }) => [contender, settings[contender] ?? '', ...values.map(number)]);
  const ratios = summary.ratios.flatMap(({ figure, over, under, goals, ratio, verdict: holds, quiet }) => {
    const line = (name, each, says) => [name, figure, ...ratioTexts(each), ...goalTexts(goals), says];
    const whole = line(`${over} / ${under}`, ratio, holds);
    return quiet ? [whole, line('  in quiet pairs', quiet.ratio, quiet.verdict)] : [whole];
  });
  const lines = [`${summary.id}: ${summary.title}`, ...tableLines(['', 'settings and durability', ...summary.figures], contenders, 2)];
  if (ratios.length === 0) return lines;
  return [...lines, '', ...tableLines(['ratio', 'of', 'median', 'min..max', '95 %', 'pairs', 'floor', 'aim', 'holds'], ratios, 2)];
}
