// The conformance suite on the portable reactor, and what only it has to say.

import { describe, expect, test } from 'vitest';
import { walkProduce } from '../../../src/net/kafka/wire/produce-walker.ts';
import { createPortableReactor } from '../../../src/net/reactor/portable-reactor.ts';
import { describeReactor } from './conformance.ts';
import { patternBytes } from './conformance-sends.ts';
import { MIB, SMALL_RINGS, TEST_OPTIONS, type BenchSettings } from './reactor-bench.ts';
import { SocketBench } from './socket-bench.ts';

async function openBench(settings: BenchSettings): Promise<SocketBench> {
  const rings = settings.smallRings === true ? SMALL_RINGS : {};
  return new SocketBench(createPortableReactor({ ...TEST_OPTIONS, ...settings.options, rings }, walkProduce));
}

describeReactor({ name: 'portable', choosesRings: true, open: openBench });

describe('what only the portable reactor says', () => {
  test('it has no wake descriptor and cannot tell residency', async () => {
    const bench = await openBench({});
    expect(bench.reactor.wakeFd).toBe(-1);
    expect(bench.reactor.residentBytes(0, 0, 10)).toBe(-1);
    expect(bench.reactor.report.kind).toBe('portable');
    await bench.end();
  });

  test('close() waits for file work in flight', async () => {
    const bench = await openBench({});
    await bench.begin();
    const fd = bench.openFile(patternBytes(4 * MIB));
    const block = bench.reactor.takeBlock(4 * MIB);
    for (let ticket = 0; ticket < 20; ticket++) {
      bench.submitter.read(fd, 0, block, 4 * MIB, ticket);
      bench.submitter.sync(fd, ticket);
    }
    bench.reactor.submit();
    const inFlight = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'FSReqCallback').length;
    expect(inFlight()).toBeGreaterThan(0);
    await bench.reactor.close();
    // The last one's own callback has to return.
    await new Promise((resolve) => setImmediate(resolve));
    expect(inFlight()).toBe(0);
    await bench.end();
  });

  test('reusePort is refused in words where Node cannot do it', async () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const able = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
    const bench = await openBench({});
    const listening = bench.reactor.listen({ host: '127.0.0.1', port: 0, reusePort: true, backlog: 10 });
    if (able) expect((await listening).port).toBeGreaterThan(0);
    else await expect(listening).rejects.toMatchObject({ code: 'ENOTSUP', message: expect.stringContaining('native addon') });
    await bench.end();
  });
});
