// The peers of bench/embed.mjs: what a Node service would use today to keep records. Installed once below the git-ignored
// `.peers/`, from npm and, without running their install scripts, from Debian's packages. A server is stopped (SIGSTOP)
// while others are measured.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPlatformatic } from '../../scripts/install-clients.mjs';
import { freePort, installKafka, isAlive, kafkaVersion, startKafka, stopPid } from './kafka.mjs';

const folder = join(resolve(dirname(fileURLToPath(import.meta.url)), '../..'), '.peers', 'embed');
const SQLITE = 'better-sqlite3@12.11.1';
const CLIENTS = ['ioredis@5.11.1', 'nats@2.29.3'];
const READY_MS = 30_000;

function must(command, args, cwd) {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 600_000 });
  if (done.status !== 0) throw new Error(`${command} ${args[0]}: ${(done.stderr || String(done.error)).trim().split('\n').at(-1)}`);
}

/** `make` fills a folder of its own once; the mark is written when it is whole. */
function once(name, make) {
  const at = join(folder, name);
  if (!existsSync(join(at, 'installed'))) {
    mkdirSync(at, { recursive: true });
    make(at);
    writeFileSync(join(at, 'installed'), '');
  }
  return at;
}

function npm(name, packages) {
  return once(name, (at) => {
    writeFileSync(join(at, 'package.json'), '{ "private": true }\n');
    must('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', ...packages], at);
  });
}

/** Unpacked, not installed: nothing of the machine changes and no service starts. */
function debian(name, packages) {
  return once(name, (at) => {
    must('apt-get', ['download', '-q', ...packages], at);
    for (const file of readdirSync(at).filter((one) => one.endsWith('.deb'))) must('dpkg', ['-x', file, '.'], at);
  });
}

async function startServer(command, args, port, options) {
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  const failed = new Promise((_, fail) => child.once('error', fail));
  const ready = async () => {
    for (const endMs = Date.now() + READY_MS; ;) {
      const open = await new Promise((done) => {
        const socket = connect(port, '127.0.0.1', () => done(true)).once('error', () => done(false));
        socket.once('connect', () => socket.destroy());
      });
      if (open) return;
      if (Date.now() > endMs || child.exitCode !== null) throw new Error(`${command} does not listen`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  await Promise.race([ready(), failed]);
  return child.pid;
}

const own = (packages) => ({ packages, node: process.execPath });

/** Name, what it promises when it answers, and how it is begun below `dir`. */
const PEERS = [
  {
    name: 'better-sqlite3, WAL, synchronous=FULL',
    system: 'sqlite',
    level: 'disk',
    begin: async () => ({ ...own(npm('sqlite', [SQLITE])), port: 0, pid: 0 }),
  },
  ...['always', 'everysec'].map((sync) => ({
    name: `Redis stream, appendfsync ${sync}`,
    system: 'redis',
    level: sync === 'always' ? 'disk' : 'memory',
    begin: async (dir) => {
      const packages = npm('clients', CLIENTS);
      const at = debian('redis', ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1']);
      const port = await freePort();
      const args = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--appendonly', 'yes', '--appendfsync', sync, '--save', ''];
      const libraries = readdirSync(join(at, 'usr/lib')).map((one) => join(at, 'usr/lib', one));
      const env = { ...process.env, LD_LIBRARY_PATH: libraries.join(':') };
      return { ...own(packages), port, pid: await startServer(join(at, 'usr/bin/redis-server'), args.map(String), port, { env }) };
    },
  })),
  {
    name: 'NATS JetStream, file',
    system: 'nats',
    level: 'memory',
    begin: async (dir) => {
      const packages = npm('clients', CLIENTS);
      const at = debian('nats', ['nats-server']);
      const port = await freePort();
      const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', dir];
      return { ...own(packages), port, pid: await startServer(join(at, 'usr/sbin/nats-server'), args, port) };
    },
  },
  ...[
    ['acks=all, flush.messages=1', 'disk', { 'log.flush.interval.messages': 1 }],
    ['acks=1', 'memory', {}],
  ].map(([words, level, set]) => ({
    name: `Apache Kafka ${kafkaVersion}, ${words}`,
    system: 'kafka',
    level,
    begin: async (dir) => {
      installKafka();
      const { folder: packages, node } = installPlatformatic();
      const port = await freePort();
      const { pid } = await startKafka({ port, dir, set });
      return { packages, node, port, pid };
    },
  })),
];

/** Those that can be had, begun and stopped; `say` is told of the others. */
export async function beginPeers(dir, say) {
  const begun = [];
  for (const { begin, ...peer } of PEERS) {
    const home = join(dir, `peer-${begun.length}`);
    mkdirSync(home);
    try {
      begun.push({ ...peer, dir: home, ...(await begin(home)) });
      pause(begun.at(-1));
    } catch (error) {
      say(`${peer.name} is left out: ${error.message.split('\n')[0]}`);
    }
  }
  return begun;
}

export function pause({ pid }) {
  if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGSTOP');
}

export function resume({ pid }) {
  if (pid > 0) process.kill(pid, 'SIGCONT');
}

export async function endPeers(peers) {
  for (const peer of peers) {
    if (peer.pid === 0 || !isAlive(peer.pid)) continue;
    resume(peer);
    await stopPid(peer.pid, 5000);
  }
}
