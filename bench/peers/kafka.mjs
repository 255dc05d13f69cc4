#!/usr/bin/env node
// Apache Kafka as a peer: installs a broker and its tools from their Maven artifacts into `.peers/` (git-ignored),
// starts and stops one KRaft node, and runs any of Kafka's command line tools.
//
//   node bench/peers/kafka.mjs install
//   node bench/peers/kafka.mjs start --port 19092 --dir /some/dir [--cpu 0] [--set key=value ...]
//   node bench/peers/kafka.mjs stop --dir /some/dir
//   node bench/peers/kafka.mjs tool kafka-topics --bootstrap-server 127.0.0.1:19092 --list
//
// The interop tests import the same functions. Not hot, no dependencies, Node >= 20.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const repoRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The Kafka release that is compared with. Pinned, so that two runs a month apart compare the same thing. */
export const kafkaVersion = process.env.KAFKA_VERSION ?? '4.3.1';
const log4jVersion = '2.25.4';

// Tool name (as in Kafka's own bin/) -> main classes, newest first: a few classes moved between packages within 4.x.
const toolClasses = {
  'kafka-acls': ['org.apache.kafka.tools.AclCommand', 'kafka.admin.AclCommand'],
  'kafka-broker-api-versions': ['org.apache.kafka.tools.BrokerApiVersionsCommand', 'kafka.admin.BrokerApiVersionsCommand'],
  'kafka-client-metrics': ['org.apache.kafka.tools.ClientMetricsCommand'],
  'kafka-cluster': ['org.apache.kafka.tools.ClusterTool'],
  'kafka-configs': ['org.apache.kafka.tools.ConfigCommand', 'kafka.admin.ConfigCommand'],
  'kafka-console-consumer': ['org.apache.kafka.tools.consumer.ConsoleConsumer'],
  'kafka-console-producer': ['org.apache.kafka.tools.ConsoleProducer'],
  'kafka-console-share-consumer': ['org.apache.kafka.tools.consumer.ConsoleShareConsumer'],
  'kafka-consumer-groups': ['org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'],
  'kafka-consumer-perf-test': ['org.apache.kafka.tools.ConsumerPerformance'],
  'kafka-delegation-tokens': ['org.apache.kafka.tools.DelegationTokenCommand'],
  'kafka-delete-records': ['org.apache.kafka.tools.DeleteRecordsCommand'],
  'kafka-dump-log': ['org.apache.kafka.tools.DumpLogSegments', 'kafka.tools.DumpLogSegments'],
  'kafka-e2e-latency': ['org.apache.kafka.tools.EndToEndLatency'],
  'kafka-features': ['org.apache.kafka.tools.FeatureCommand'],
  'kafka-get-offsets': ['org.apache.kafka.tools.GetOffsetShell'],
  'kafka-groups': ['org.apache.kafka.tools.GroupsCommand'],
  'kafka-leader-election': ['org.apache.kafka.tools.LeaderElectionCommand'],
  'kafka-log-dirs': ['org.apache.kafka.tools.LogDirsCommand'],
  'kafka-metadata-quorum': ['org.apache.kafka.tools.MetadataQuorumCommand'],
  'kafka-producer-perf-test': ['org.apache.kafka.tools.ProducerPerformance'],
  'kafka-reassign-partitions': ['org.apache.kafka.tools.reassign.ReassignPartitionsCommand'],
  'kafka-replica-verification': ['org.apache.kafka.tools.ReplicaVerificationTool'],
  'kafka-share-consumer-perf-test': ['org.apache.kafka.tools.ShareConsumerPerformance'],
  'kafka-share-groups': ['org.apache.kafka.tools.consumer.group.ShareGroupCommand'],
  'kafka-storage': ['org.apache.kafka.tools.StorageTool', 'kafka.tools.StorageTool'],
  'kafka-topics': ['org.apache.kafka.tools.TopicCommand'],
  'kafka-transactions': ['org.apache.kafka.tools.TransactionsCommand'],
  'kafka-verifiable-consumer': ['org.apache.kafka.tools.VerifiableConsumer'],
  'kafka-verifiable-producer': ['org.apache.kafka.tools.VerifiableProducer'],
};

const home = () => join(repoRoot, '.peers', `kafka-${kafkaVersion}`);
const libs = () => join(home(), 'libs');

export function isKafkaInstalled() {
  return existsSync(join(home(), 'installed'));
}

/** True when this machine has what `installKafka` needs. */
export function canInstallKafka() {
  return ['java', 'mvn'].every((program) => spawnSync(program, ['-version'], { stdio: 'ignore' }).status === 0);
}

/** Fetches the broker and its tools once; returns the folder. Safe when two processes do it at the same time. */
export function installKafka({ log = () => {} } = {}) {
  if (isKafkaInstalled()) return home();
  if (!canInstallKafka())
    throw new Error('Apache Kafka needs java (17 or later) and mvn: apt-get install -y openjdk-17-jre-headless maven');
  log(`installing Apache Kafka ${kafkaVersion} from its Maven artifacts`);
  const staging = `${home()}.${process.pid}`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  const dependency = (group, artifact, version) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  writeFileSync(
    join(staging, 'pom.xml'),
    `<project><modelVersion>4.0.0</modelVersion><groupId>peer</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>
${dependency('org.apache.kafka', 'kafka_2.13', kafkaVersion)}
${dependency('org.apache.kafka', 'kafka-tools', kafkaVersion)}
${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', log4jVersion)}
${dependency('org.apache.logging.log4j', 'log4j-core', log4jVersion)}
</dependencies></project>\n`,
  );
  // Warnings only, to stderr: the default (everything to the console) would cost the broker time that is not its own.
  writeFileSync(
    join(staging, 'log4j2.properties'),
    `appenders = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = WARN
rootLogger.appenderRefs = stderr
rootLogger.appenderRef.stderr.ref = stderr\n`,
  );
  execFileSync(
    'mvn',
    ['-q', '-B', '-f', join(staging, 'pom.xml'), 'dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=libs'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  writeFileSync(join(staging, 'installed'), `${kafkaVersion}\n`);
  try {
    renameSync(staging, home());
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    if (!isKafkaInstalled()) throw error; // otherwise another process was first, which is as good
  }
  return home();
}

export function kafkaClasspath() {
  return join(libs(), '*');
}

/** The main class of a tool, chosen by what the installed jars hold. `undefined`: this release has no such tool. */
export function kafkaToolClass(tool) {
  const candidates = toolClasses[tool];
  if (!candidates) return undefined;
  if (candidates.length === 1) return candidates[0];
  // A jar's directory holds entry names uncompressed, so a search of its bytes answers without a zip reader.
  const jars = readdirSync(libs())
    .filter((name) => name.startsWith('kafka') && name.endsWith('.jar'))
    .map((name) => readFileSync(join(libs(), name)));
  return candidates.find((name) => jars.some((jar) => jar.includes(`${name.replaceAll('.', '/')}.class`)));
}

export function kafkaTools() {
  return Object.keys(toolClasses);
}

/** Arguments for `java` that run a tool (or any main class), for callers that spawn it themselves. */
export function kafkaToolArgs(tool, args = [], { heap = '256M' } = {}) {
  const mainClass = tool.includes('.') ? tool : kafkaToolClass(tool);
  if (!mainClass) throw new Error(`Kafka ${kafkaVersion} has no tool ${tool}; known: ${kafkaTools().join(' ')}`);
  return [
    `-Xmx${heap}`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1', // short-lived tools: start-up matters, peak speed does not
    `-Dlog4j2.configurationFile=${join(home(), 'log4j2.properties')}`,
    '-cp',
    kafkaClasspath(),
    mainClass,
    ...args,
  ];
}

/** Runs a tool to its end and returns `{ status, stdout, stderr }`; `input` is given on stdin. */
export function runKafkaTool(tool, args, { input, timeoutMs = 120_000 } = {}) {
  installKafka();
  const done = spawnSync('java', kafkaToolArgs(tool, args), {
    input,
    encoding: 'utf8',
    timeout: timeoutMs,
    maxBuffer: 1 << 28,
  });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}

/** Starts a tool in the background; the caller owns the child process. */
export function spawnKafkaTool(tool, args, options = {}) {
  installKafka();
  return spawn('java', kafkaToolArgs(tool, args), options);
}

export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** One ApiVersions v0 round trip: a port that accepts is not yet a broker that answers. */
function answers(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    const end = (value) => {
      socket.destroy();
      done(value);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('data', () => end(true));
    // size 10, api key 18, version 0, correlation id 1, null client id
    socket.once('connect', () => socket.write(Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff])));
  });
}

/** Waits until a Kafka-wire broker answers on a loopback port. `alive()` false ends the wait at once. */
export async function waitForBroker(port, { timeoutMs = 60_000, alive = () => true } = {}) {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    if (!alive()) throw new Error(`the broker for port ${port} has ended`);
    if (await answers(port)) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`no broker answered on port ${port} within ${timeoutMs} ms`);
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    // A zombie still takes signals but is dead to us.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** SIGTERM, then SIGKILL after `graceMs`. Only ever a pid that the caller started. */
export async function stopPid(pid, graceMs = 20_000) {
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) process.kill(pid, 'SIGKILL');
    await new Promise((done) => setTimeout(done, 20));
  }
}

/**
 * Writes the configuration of one combined KRaft node under `dir` and formats its storage, unless that was done before.
 * Returns what is needed to spawn it. Separate from `startKafka` because start-up time is measured without it.
 */
export async function prepareKafka({ port, dir, heap = '1G', set = {} }) {
  installKafka();
  dir = resolve(dir);
  mkdirSync(dir, { recursive: true });
  const propertiesFile = join(dir, 'server.properties');
  const logDirs = join(dir, 'data');
  if (!existsSync(join(logDirs, 'meta.properties'))) {
    const controllerPort = await freePort();
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'log.dirs': logDirs,
      // One node cannot hold three replicas; everything else stays at Kafka's defaults.
      'offsets.topic.replication.factor': 1,
      'transaction.state.log.replication.factor': 1,
      'transaction.state.log.min.isr': 1,
      'share.coordinator.state.topic.replication.factor': 1,
      'share.coordinator.state.topic.min.isr': 1,
      'group.initial.rebalance.delay.ms': 0,
      ...set,
    };
    writeFileSync(
      propertiesFile,
      Object.entries(properties)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
    const formatted = runKafkaTool('kafka-storage', ['format', '-t', clusterId, '-c', propertiesFile]);
    if (formatted.status !== 0) throw new Error(`kafka-storage format failed:\n${formatted.stdout}${formatted.stderr}`);
  }
  return {
    command: 'java',
    args: [
      `-Xms${heap}`,
      `-Xmx${heap}`,
      '-server',
      // What Kafka's own start script sets.
      '-XX:+UseG1GC',
      '-XX:MaxGCPauseMillis=20',
      '-XX:InitiatingHeapOccupancyPercent=35',
      '-XX:+ExplicitGCInvokesConcurrent',
      '-Djava.awt.headless=true',
      `-Dlog4j2.configurationFile=${join(home(), 'log4j2.properties')}`,
      '-cp',
      kafkaClasspath(),
      'kafka.Kafka',
      propertiesFile,
    ],
    logFile: join(dir, 'kafka.log'),
    pidFile: join(dir, 'kafka.pid'),
    dir,
  };
}

/** Starts a broker and resolves once it answers: `{ pid, port, dir, stop() }`. It outlives this process unless stopped. */
export async function startKafka({ port, dir, cpu, set = {}, timeoutMs = 60_000, onSpawn = () => {} }) {
  const prepared = await prepareKafka({ port, dir, set });
  const out = openSync(prepared.logFile, 'a');
  // taskset execs, so the pid is the broker's own.
  const [command, args] =
    cpu === undefined ? [prepared.command, prepared.args] : ['taskset', ['-c', String(cpu), prepared.command, ...prepared.args]];
  const child = spawn(command, args, { stdio: ['ignore', out, out], detached: true });
  closeSync(out);
  child.unref();
  await new Promise((done, fail) => {
    child.once('error', fail);
    child.once('spawn', done);
  });
  onSpawn(child.pid); // before the wait, so that a caller who is interrupted knows what to end
  writeFileSync(prepared.pidFile, `${child.pid}\n`);
  const stop = async () => {
    await stopPid(child.pid);
    rmSync(prepared.pidFile, { force: true });
  };
  try {
    await waitForBroker(port, { timeoutMs, alive: () => isAlive(child.pid) });
  } catch (error) {
    await stop();
    throw new Error(`${error.message}; its log ends:\n${readFileSync(prepared.logFile, 'utf8').slice(-2000)}`, { cause: error });
  }
  return { pid: child.pid, port, dir: prepared.dir, stop };
}

async function main([verb, ...rest]) {
  if (verb === 'install') {
    console.log(installKafka({ log: console.error }));
  } else if (verb === 'start') {
    const { values } = parseArgs({
      args: rest,
      options: {
        port: { type: 'string', default: '19092' },
        dir: { type: 'string' },
        cpu: { type: 'string' },
        set: { type: 'string', multiple: true, default: [] },
      },
    });
    if (!values.dir) throw new Error('start needs --dir');
    installKafka({ log: console.error });
    const set = Object.fromEntries(values.set.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
    const broker = await startKafka({ port: Number(values.port), dir: values.dir, cpu: values.cpu, set });
    console.log(broker.pid);
  } else if (verb === 'version') {
    console.log(kafkaVersion);
  } else if (verb === 'stop') {
    const { values } = parseArgs({ args: rest, options: { dir: { type: 'string' } } });
    if (!values.dir) throw new Error('stop needs --dir');
    const pidFile = join(resolve(values.dir), 'kafka.pid');
    if (!existsSync(pidFile)) throw new Error(`no ${pidFile}`);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    // Pids are reused: end it only if it is still the broker of this very directory.
    if (isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(resolve(values.dir))) await stopPid(pid);
    rmSync(pidFile);
  } else if (verb === 'tool' && rest.length > 0) {
    installKafka({ log: console.error });
    process.exitCode = spawnSync('java', kafkaToolArgs(rest[0], rest.slice(1)), { stdio: 'inherit' }).status ?? 1;
  } else {
    console.error(
      'usage: kafka.mjs install | version | start --port P --dir D [--cpu N] [--set k=v]... | stop --dir D | tool NAME ARGS...',
    );
    console.error(`tools: ${kafkaTools().join(' ')}`);
    process.exitCode = 2;
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
