#!/usr/bin/env node
// The `ringlog` command: src/cli/main.ts, compiled.
import { runCli } from '../dist/cli/main.js';

await runCli(process.argv.slice(2));
