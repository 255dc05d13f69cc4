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
      const values = Array.from({ length: pairs }, (_, pair) => of(results[over][pair]) / of(results[under][pair]));
      const ratio = summarize(values);
      return { figure: name, over, under, goals, ratio, verdict: verdict(ratio, goals) };
    });
  return { id: row.id, title: row.title, figures: row.figures.map(({ name }) => name), medians, ratios };
}

function goalTexts({ floor, aim, atMost }) {
  return [floor, aim].map((goal) => (goal === undefined ? '-' : `${atMost ? '<=' : '>='} ${goal}`));
}

/** Text of a summary; `settings` says of each contender how it was set up and what its ack is worth. */
export function rowLines(summary, settings) {
  const contenders = summary.medians.map(({ contender, values }) => [contender, settings[contender] ?? '', ...values.map(number)]);
  const ratios = summary.ratios.map(({ figure, over, under, goals, ratio, verdict: holds }) => [
    `${over} / ${under}`,
    figure,
    ratio.median.toFixed(2),
    `${ratio.min.toFixed(2)}..${ratio.max.toFixed(2)}`,
    `${ratio.low.toFixed(2)}..${ratio.high.toFixed(2)}`,
    String(ratio.count),
    ...goalTexts(goals),
    holds,
  ]);
  const lines = [`${summary.id}: ${summary.title}`, ...tableLines(['', 'settings and durability', ...summary.figures], contenders, 2)];
  if (ratios.length === 0) return lines;
  return [...lines, '', ...tableLines(['ratio', 'of', 'median', 'min..max', '95 %', 'pairs', 'floor', 'aim', 'holds'], ratios, 2)];
}
