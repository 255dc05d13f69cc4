#!/usr/bin/env node
// Installs the foreign Kafka clients that the interop and crash rigs run, and the browser of the bench report's test, each
// once and only when it is missing: kcat, Java and Chromium by apt, the others below the git-ignored `.peers/`. Plain Node,
// no dependencies.
//
//   node scripts/install-clients.mjs kcat java platformatic python franz-go

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installKafka } from '../bench/peers/kafka.mjs';

const repoRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const peers = join(repoRoot, '.peers');

// Pinned, so that a red run is a change of ours.
const versions = {
  platformatic: '2.12.1',
  node: '24.9.0',
  confluent: '2.16.1',
  kafkaPython: '3.0.12',
  jest: '30.5.2',
  franz: 'v1.22.2',
  kadm: 'v1.19.0',
};

function works(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function must(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', timeout: 600_000, maxBuffer: 1 << 26, ...options });
  if (done.status === 0) return;
  const said = `${done.stderr ?? ''}${done.stdout ?? ''}`.trim().slice(-800);
  throw new Error(`${command} ${args.slice(0, 4).join(' ')} …: ${done.error?.message ?? `ended with ${done.status}`}\n${said}`);
}

function apt(...packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const args = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  if (spawnSync('apt-get', args, { env, stdio: 'ignore' }).status === 0) return;
  must('apt-get', ['update', '-q'], { env });
  must('apt-get', args, { env });
}

/** Runs `make` unless `folder` was already filled for the same `stamp`. */
function once(folder, stamp, make) {
  const file = join(folder, 'installed');
  if (existsSync(file) && readFileSync(file, 'utf8') === stamp) return folder;
  mkdirSync(folder, { recursive: true });
  make();
  writeFileSync(file, stamp);
  return folder;
}

export function installKcat() {
  if (!works('kcat', '-V')) apt('kcat');
  return 'kcat';
}

/** Java and Apache Kafka's tools. */
export function installJava() {
  if (!works('java', '-version') || !works('mvn', '-version')) apt('openjdk-17-jre-headless', 'maven');
  return installKafka();
}

/** @returns `{ node, folder }`: a Node that is new enough, and where the client scripts have to lie to find the package */
export function installPlatformatic() {
  // The npm package `node` only picks this one by an install script, which npm may be told not to run.
  const nodePackage = `node-${process.platform}-${process.arch}`;
  const folder = join(peers, 'platformatic');
  once(folder, `${versions.platformatic} ${versions.node} ${nodePackage}`, () => {
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    const packages = [`@platformatic/kafka@${versions.platformatic}`, `${nodePackage}@${versions.node}`];
    must('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', ...packages], { cwd: folder });
  });
  return { folder, node: join(folder, 'node_modules', nodePackage, 'bin', 'node') };
}

/** @returns the Python of a virtual environment that holds both clients */
export function installPython() {
  const folder = join(peers, 'python');
  once(folder, `${versions.confluent} ${versions.kafkaPython}`, () => {
    if (!works('python3', '-c', 'import venv, ensurepip')) apt('python3', 'python3-venv');
    must('python3', ['-m', 'venv', folder]);
    const packages = [`confluent-kafka==${versions.confluent}`, `kafka-python[snappy,lz4,zstd]==${versions.kafkaPython}`];
    must(join(folder, 'bin', 'pip'), ['install', '-q', '--disable-pip-version-check', ...packages]);
  });
  return join(folder, 'bin', 'python3');
}

/** @returns the folder it is installed in */
export function installJest() {
  const folder = join(peers, 'jest');
  return once(folder, versions.jest, () => {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    must('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', `jest@${versions.jest}`], { cwd: folder });
  });
}

/** @returns the compiled client program */
export function installFranz() {
  const folder = join(peers, 'franz-go');
  const source = join(repoRoot, 'test', 'interop', 'clients', 'franz.go');
  once(folder, `${versions.franz} ${versions.kadm}\n${readFileSync(source, 'utf8')}`, () => {
    if (!works('go', 'version')) apt('golang-go');
    writeFileSync(join(folder, 'go.mod'), 'module franz\n\ngo 1.23\n');
    cpSync(source, join(folder, 'main.go'));
    must('go', ['get', `github.com/twmb/franz-go@${versions.franz}`, `github.com/twmb/franz-go/pkg/kadm@${versions.kadm}`], {
      cwd: folder,
    });
    must('go', ['build', '-o', 'franz', '.'], { cwd: folder });
  });
  return join(folder, 'franz');
}

/** Without it the report's browser test is skipped. */
function installChromium() {
  const browser = 'chromium-headless-shell';
  if (!works(browser, '--version')) apt(browser);
  return browser;
}

const installers = {
  chromium: installChromium,
  kcat: installKcat,
  java: installJava,
  platformatic: installPlatformatic,
  python: installPython,
  jest: installJest,
  'franz-go': installFranz,
};

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  if (wanted.length === 0 || wanted.some((name) => !(name in installers))) {
    console.error(`usage: install-clients.mjs ${Object.keys(installers).join(' | ')} …`);
    process.exit(2);
  }
  for (const name of wanted) {
    try {
      const where = installers[name]();
      console.log(`${name}: ${typeof where === 'string' ? where : where.folder}`);
    } catch (error) {
      console.error(`${name}: ${error.message}`);
      process.exitCode = 1;
    }
  }
}
