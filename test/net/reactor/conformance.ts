// What every reactor does, whichever engine is behind it. Each *.test.ts runs this suite against one engine.

import { afterEach, describe } from 'vitest';
import { backPressureCases } from './conformance-back-pressure.ts';
import { commitCases } from './conformance-commits.ts';
import { writeBackCases } from './conformance-write-back.ts';
import { verifyCases } from './conformance-verify.ts';
import { closingCases } from './conformance-closing.ts';
import { fileCases } from './conformance-files.ts';
import { frameCases } from './conformance-frames.ts';
import { produceCases } from './conformance-produce.ts';
import { sendCases } from './conformance-sends.ts';
import { sendFileCases } from './conformance-send-files.ts';
import { timeCases } from './conformance-time.ts';
import type { ConformanceContext, ReactorBench, TestEngine } from './reactor-bench.ts';

export function describeReactor(engine: TestEngine): void {
  const opened: ReactorBench[] = [];
  const context: ConformanceContext = {
    engine,
    open: async (settings = {}) => {
      const bench = await engine.open(settings);
      opened.push(bench);
      await bench.begin();
      return bench;
    },
  };
  describe(`${engine.name} reactor`, () => {
    afterEach(async () => {
      for (const bench of opened.splice(0)) await bench.end();
    });
    describe('frames', () => frameCases(context));
    describe('Produce descriptors', () => produceCases(context));
    describe('sends', () => sendCases(context));
    describe('file ranges', () => sendFileCases(context));
    describe('files', () => fileCases(context));
    describe('commits', () => commitCases(context));
    describe('write-back', () => writeBackCases(context));
    describe('verify', () => verifyCases(context));
    describe('time and wake-ups', () => timeCases(context));
    describe('back-pressure', () => backPressureCases(context));
    describe('closing', () => closingCases(context));
  });
}
