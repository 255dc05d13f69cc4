// Which reactor is chosen, and that its report says why.

import { describe, expect, test } from 'vitest';
import { loadNativeBinding } from '../../../src/engine/io/native-binding.ts';
import { openReactor, type ReactorChoice } from '../../../src/net/reactor/open-reactor.ts';
import { TEST_OPTIONS } from './reactor-bench.ts';

const { binding, reason } = loadNativeBinding();

async function opened(choice: ReactorChoice): Promise<{ kind: string; reasons: string[] }> {
  const reactor = await openReactor({ ...TEST_OPTIONS, choice });
  const { kind, rows } = reactor.report;
  reactor.start(() => undefined);
  await reactor.close();
  return { kind, reasons: rows.map((row) => row.reason) };
}

describe('openReactor', () => {
  test('portable when asked for', async () => {
    const { kind, reasons } = await opened('portable');
    expect(kind).toBe('portable');
    expect(reasons[0]).toContain('ringlog.reactor=portable');
  });

  test.runIf(binding !== null)('native where the addon loads', async () => {
    expect((await opened('auto')).kind).toBe('native');
    expect((await opened('native')).kind).toBe('native');
  });

  test.runIf(binding === null)('portable where it does not, with the reason; native by name is refused', async () => {
    const { kind, reasons } = await opened('auto');
    expect(kind).toBe('portable');
    expect(reasons).toContain(reason);
    await expect(opened('native')).rejects.toThrow(reason);
  });
});
