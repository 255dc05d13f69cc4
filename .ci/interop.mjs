// The short interop rig, and its failed cases once more, alone. What passes then is flaky: said aloud, and added to the file
// that the argument names.
//
//   node .ci/interop.mjs flaky.txt

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';

const [flakyList] = process.argv.slice(2);

/** @returns whether it ended well, and what it said */
async function rig(args) {
  const child = spawn('npm', ['run', '--silent', 'test:interop', '--', '--short', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (piece) => {
    process.stdout.write(piece);
    said += piece;
  });
  const [code] = await once(child, 'close');
  return { good: code === 0, said };
}

async function passes() {
  const { good, said } = await rig([]);
  if (good) return true;
  const failed = /^failed: (.*)$/m.exec(said)?.[1].split('; ') ?? [];
  if (failed.length === 0) return false;
  process.stdout.write(`\n=== once more, alone: ${failed.join('; ')}\n`);
  // Without the broker's label; a name that is no case chooses nothing, and then nothing passes.
  for (const name of failed) if (!(await rig(['--only', name.replace(/^\[.*?\] /, '')])).good) return false;
  const lines = failed.map((name) => `flaky: test/interop > ${name}\n`).join('');
  process.stdout.write(`\n${lines}`);
  appendFileSync(flakyList, lines);
  return true;
}

process.exitCode = (await passes()) ? 0 : 1;
