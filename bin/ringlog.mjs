#!/usr/bin/env node
// The `ringlog` command: src/cli/main.ts, compiled and bundled.
import { runCli } from '../dist/bundle/ringlog.js';

await runCli(process.argv.slice(2));
