// What a benchmark tells while it runs (stderr) and the warnings it repeats below its tables. One list a process. Not hot.

export const warnings = [];

export const say = (text) => process.stderr.write(`${text}\n`);

/** Said once, however often it happens. */
export function warn(text) {
  if (warnings.includes(text)) return;
  warnings.push(text);
  say(`  ! ${text}`);
}
