// The conformance suite on the portable reactor, and what only it has to say.

import { describe, expect, test } from 'vitest';
import { walkProduce } from '../../../src/net/kafka/wire/produce-walker.ts';
import { createPortableReactor } from '../../../src/net/reactor/portable-reactor.ts';
import { describeReactor } from './conformance.ts';
import { SMALL_RINGS, TEST_OPTIONS, type BenchSettings } from './reactor-bench.ts';
import { SocketBench } from './socket-bench.ts';

async function openBench(settings: BenchSettings): Promise<SocketBench> {
  const rings = settings.smallRings === true ? SMALL_RINGS : {};
  return new SocketBench(createPortableReactor({ ...TEST_OPTIONS, ...settings.options, rings }, walkProduce));
}

describeReactor({ name: 'portable', choosesRings: true, resetsOnClose: false, open: openBench });

describe('what only the portable reactor says', () => {
  test('it has no wake descriptor and cannot tell residency', async () => {
    const bench = await openBench({});
    expect(bench.reactor.wakeFd).toBe(-1);
    expect(bench.reactor.residentBytes(0, 0, 10)).toBe(-1);
    expect(bench.reactor.report.kind).toBe('portable');
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
