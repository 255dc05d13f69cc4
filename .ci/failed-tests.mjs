// A reporter of vitest's: writes which tests failed, by file, to the file that FAILED_TESTS names. `null` when something
// failed that belongs to no file.

import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

export default class FailedTests {
  onTestRunEnd(modules, unhandledErrors) {
    const failed = {};
    for (const module of modules) {
      if (['passed', 'skipped'].includes(module.state())) continue;
      const names = [...module.children.allTests('failed')].map(({ fullName }) => fullName);
      failed[module.relativeModuleId] = names.length > 0 ? names : ['the file itself'];
    }
    const placed = unhandledErrors.every(({ VITEST_TEST_PATH: path }) => path !== undefined);
    for (const { VITEST_TEST_PATH: path } of placed ? unhandledErrors : [])
      (failed[relative(process.cwd(), path)] ??= []).push('an error outside of its tests');
    writeFileSync(process.env.FAILED_TESTS, JSON.stringify(placed ? failed : null));
  }
}
