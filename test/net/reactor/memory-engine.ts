// The memory reactor as a test engine.

import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { walkProduce } from '../../../src/net/kafka/wire/produce-walker.ts';
import { createMemoryReactor } from '../../../src/net/reactor/memory-reactor.ts';
import { MemoryBench } from './memory-bench.ts';
import { SMALL_RINGS, TEST_OPTIONS, type BenchSettings } from './reactor-bench.ts';

export function openMemoryBench(settings: BenchSettings): MemoryBench {
  const fileSystem = new MemoryFileSystem();
  const options = { ...TEST_OPTIONS, ...settings.options };
  const rings = settings.smallRings === true ? SMALL_RINGS : {};
  return new MemoryBench(createMemoryReactor({ fileSystem, walkProduce, options, rings }), fileSystem);
}
