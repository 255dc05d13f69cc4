// Writes native/reactor/tick_layout.h from src/engine/io/tick-layout.ts, so that both sides of the tick ring agree by
// construction. Run it after changing the layout; test/native/tick-layout.test.ts fails when the header is stale.
//
// The TypeScript file is kept simple enough for lines and regular expressions: `export const NAME = 1;` and
// `export const Name = { /** why */ FIELD: 1, } as const;`.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src/engine/io/tick-layout.ts', import.meta.url));
const target = fileURLToPath(new URL('../native/reactor/tick_layout.h', import.meta.url));

export function tickLayoutHeader() {
  const out = [
    "// The tick ring's memory as native code sees it. WRITTEN BY scripts/generate-tick-layout.mjs from",
    '// src/engine/io/tick-layout.ts, where each field is explained: change it there.',
    '',
    '#ifndef RINGLOG_REACTOR_TICK_LAYOUT_H',
    '#define RINGLOG_REACTOR_TICK_LAYOUT_H',
    '',
    '#include <cstdint>',
    '',
    'namespace ringlog {',
    '',
  ];
  let inside = false;
  for (const line of readFileSync(source, 'utf8').split('\n')) {
    const scalar = /^export const (\w+) = (-?\d+);$/.exec(line);
    const opening = /^export const (\w+) = \{$/.exec(line);
    const field = /^ {2}(\w+): (-?\d+),$/.exec(line);
    if (scalar !== null) {
      out.push(`inline constexpr int32_t ${scalar[1]} = ${scalar[2]};`);
    } else if (opening !== null) {
      inside = true;
      out.push('', `struct ${opening[1]} {`);
    } else if (inside && field !== null) {
      out.push(`  static constexpr int32_t ${field[1]} = ${field[2]};`);
    } else if (line === '} as const;') {
      inside = false;
      out.push('};');
    } else if (line.trim() !== '' && !/^\s*(\/\/|\/\*\*|\*)/.test(line)) {
      throw new Error(`tick-layout.ts holds a line this generator does not know: ${line}`);
    }
  }
  out.push('', '}  // namespace ringlog', '', '#endif', '');
  return out.join('\n').replace(/\n{3,}/g, '\n\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, tickLayoutHeader());
