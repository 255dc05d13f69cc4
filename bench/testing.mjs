// What a test broker costs a test: starting one (a topic included) and closing it, warm, in the calling thread.
//
//   npm run bench:testing [-- --starts 50]
//
// The first start also pays for compiling the code, as a test file does once; it is told apart.
import { parseArgs } from 'node:util';
import { startTestBroker } from 'ringlog/testing';

const { starts } = parseArgs({ options: { starts: { type: 'string', default: '50' } } }).values;
const AIM_MS = 30;

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

for (const storage of ['memory', 'directory']) {
  const startMs = [];
  const closeMs = [];
  for (let i = 0; i < Number(starts); i++) {
    const began = performance.now();
    const broker = await startTestBroker({ topics: ['orders'], storage });
    const up = performance.now();
    await broker.close();
    startMs.push(up - began);
    closeMs.push(performance.now() - up);
  }
  const [first, ...warm] = startMs;
  const aim = storage === 'memory' ? `, aim ${AIM_MS} or less` : ' (its metadata is synced to the disk)';
  console.log(
    `${storage}: start ${median(warm).toFixed(1)} ms warm median of ${warm.length}${aim}; first ${first.toFixed(1)} ms; close ${median(closeMs).toFixed(1)} ms`,
  );
}
