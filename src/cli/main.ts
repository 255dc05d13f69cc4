// The `ringlog` command: sub-commands and what they share. Owner: the main thread. Each command is loaded when it is
// called, so that `serve` does not pay for the others.

import { Command, Option } from 'commander';
import { packageFile, packageVersion } from '../engine/base/package-file.ts';
import { CommandFailed } from './command-failed.ts';

const version = packageVersion();

const bootstrap = (): Option =>
  new Option('-b, --bootstrap <host:port>', 'a broker to ask first').default('127.0.0.1:9092').env('RINGLOG_BOOTSTRAP');
const json = (): Option => new Option('--json', 'print JSON, one value a line');
interface Harness {
  runBench(args: readonly string[]): Promise<void>;
}

const repeated = (value: string, before: string[]): string[] => [...before, value];

export async function runCli(args: readonly string[]): Promise<void> {
  const program = new Command('ringlog')
    .description('A thread-per-core commit log that any Kafka client can talk to')
    .version(version)
    .showHelpAfterError('(see ringlog --help)')
    .enablePositionalOptions();
  addServe(program);
  addTopic(program);
  addProduce(program);
  addConsume(program);
  addGroup(program);
  addDump(program);
  addDoctor(program);
  addBench(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`ringlog: ${describe(error)}\n`);
  }
}

/** Bugs keep their stack; everything a user can act on is one line. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const expected = [
    'CommandFailed',
    'KafkaError',
    'KafkaConnectionError',
    'CannotStart',
    'DirectoryLocked',
    'BadCheckpoint',
    'HttpEngineAbsent',
  ];
  const system = 'code' in error && 'syscall' in error;
  return expected.includes(error.name) || system ? error.message : (error.stack ?? error.message);
}

function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the broker')
    .argument('[file]', 'a server.properties file')
    .option('--set <key=value>', 'set a config; wins over the file and the environment', repeated, [])
    .option('--insecure', 'allow listeners that other machines can reach, without encryption and authentication')
    .addHelpText(
      'after',
      `
Examples:
  ringlog serve
  ringlog serve server.properties --set listeners=PLAINTEXT://127.0.0.1:19092
  ringlog serve --set log.dirs=/var/lib/ringlog --set ringlog.shards=2
  KAFKA_NUM_PARTITIONS=4 ringlog serve`,
    )
    .action(async (file: string | undefined, options: { set: string[]; insecure?: boolean }) => {
      const { serve } = await import('./serve.ts');
      await serve({ file, sets: options.insecure === true ? [...options.set, 'ringlog.insecure=true'] : options.set, version });
    });
}

function addTopic(program: Command): void {
  const topic = program.command('topic').description('create, list, describe, change and delete topics');
  topic
    .command('create <name>')
    .description('create a topic')
    .addOption(bootstrap())
    .option('-p, --partitions <n>', "how many partitions; the broker's num.partitions if not given", wholeNumber)
    .option('-c, --config <key=value>', 'a topic config', repeated, [])
    .addOption(json())
    .addHelpText('after', '\nExample:\n  ringlog topic create clicks --partitions 4 --config retention.ms=86400000')
    .action(async (name: string, options) => (await import('./topic.ts')).createTopic(name, options));
  topic
    .command('list')
    .description('list topics')
    .addOption(bootstrap())
    .option('--internal', 'internal topics too')
    .addOption(json())
    .addHelpText('after', '\nExamples:\n  ringlog topic list\n  ringlog topic list --internal --json')
    .action(async (options) => (await import('./topic.ts')).listTopics(options));
  topic
    .command('describe <name>')
    .description('partitions, leaders, offsets and configs of a topic')
    .addOption(bootstrap())
    .addOption(json())
    .addHelpText('after', '\nExample:\n  ringlog topic describe clicks')
    .action(async (name: string, options) => (await import('./topic.ts')).describeTopic(name, options));
  topic
    .command('config <name>')
    .description('set or remove configs of a topic')
    .addOption(bootstrap())
    .option('--set <key=value>', 'set a config', repeated, [])
    .option('--unset <key>', 'back to the default', repeated, [])
    .addOption(json())
    .addHelpText('after', '\nExample:\n  ringlog topic config clicks --set retention.ms=3600000 --unset segment.bytes')
    .action(async (name: string, options) => (await import('./topic.ts')).configureTopic(name, options));
  topic
    .command('delete <names...>')
    .description('delete topics with all their records')
    .addOption(bootstrap())
    .addOption(json())
    .addHelpText('after', '\nExample:\n  ringlog topic delete clicks users')
    .action(async (names: string[], options) => (await import('./topic.ts')).deleteTopics(names, options));
}

function addProduce(program: Command): void {
  program
    .command('produce <topic>')
    .description('write records: one a line of standard input')
    .addOption(bootstrap())
    .option('-k, --key-separator <text>', 'what separates key and value in a line; without it lines are values')
    .option('-p, --partition <n>', 'write to this partition', wholeNumber)
    .addOption(new Option('--acks <level>', 'who must have a record').choices(['0', '1', 'all']).default('all'))
    .addOption(json())
    .addHelpText('after', '\nExamples:\n  echo hello | ringlog produce greetings\n  ringlog produce users --key-separator : < users.txt')
    .action(async (topic: string, options) => (await import('./produce.ts')).produceLines(topic, options));
}

function addConsume(program: Command): void {
  program
    .command('consume <topic>')
    .description('print records as they come')
    .addOption(bootstrap())
    .addOption(new Option('-f, --from <where>', 'beginning, end, an offset, or a time (ISO 8601)').default('end'))
    .option('-p, --partition <n>', 'only this partition', wholeNumber)
    .option('-n, --count <n>', 'stop after this many records', wholeNumber)
    .option('--until-end', 'stop at the end of what is there now')
    .addOption(json())
    .addHelpText(
      'after',
      '\nExamples:\n  ringlog consume greetings --from beginning --until-end\n  ringlog consume clicks --json --count 10',
    )
    .action(async (topic: string, options) => (await import('./consume.ts')).consume(topic, options));
}

function addGroup(program: Command): void {
  const group = program.command('group').description('list, describe, reset and delete consumer groups');
  group
    .command('list')
    .description('list groups')
    .addOption(bootstrap())
    .addOption(json())
    .addHelpText('after', '\nExample:\n  ringlog group list --bootstrap 127.0.0.1:19092 --json')
    .action(async (options) => (await import('./group.ts')).listGroups(options));
  group
    .command('describe <id>')
    .description('members, committed offsets and lag of a group')
    .addOption(bootstrap())
    .addOption(json())
    .addHelpText('after', '\nExample:\n  ringlog group describe billing')
    .action(async (id: string, options) => (await import('./group.ts')).describeGroup(id, options));
  group
    .command('delete <ids...>')
    .description('delete groups that have no members')
    .addOption(bootstrap())
    .addOption(json())
    .addHelpText('after', '\nExample:\n  ringlog group delete billing')
    .action(async (ids: string[], options) => (await import('./group.ts')).deleteGroups(ids, options));
  addResetOffsets(group);
}

function addResetOffsets(group: Command): void {
  group
    .command('reset-offsets <id>')
    .description('move the committed offsets of a group without members; prints the plan, --execute does it')
    .addOption(bootstrap())
    .option('-t, --topic <name[:partition,...]>', 'a topic, or some of its partitions', repeated, [])
    .addOption(new Option('--all-topics', 'every partition the group has committed an offset of').conflicts('topic'))
    .option('--to-earliest', 'to the first record there is')
    .option('--to-latest', 'behind the last record there is')
    .option('--to-offset <n>', 'to this offset, or the nearest there is', wholeNumber)
    .option('--to-datetime <time>', 'to the first record not before this time (ISO 8601; UTC if it names no zone)')
    .option('--shift-by <n>', 'forward by n, or back if n is negative, as far as there are records', signedNumber)
    .addOption(new Option('--dry-run', 'only print the plan (the default)').conflicts('execute'))
    .option('--execute', 'commit the plan')
    .addOption(json())
    .addHelpText(
      'after',
      `
Examples:
  ringlog group reset-offsets billing --topic clicks --to-earliest
  ringlog group reset-offsets billing --topic clicks:0,2 --shift-by -10 --execute
  ringlog group reset-offsets billing --all-topics --to-datetime 2026-11-21T08:00:00 --execute`,
    )
    .action(async (id: string, options) => (await import('./reset-offsets.ts')).resetOffsets(id, options));
}

function addDump(program: Command): void {
  program
    .command('dump <files...>')
    .description('print what .log, .index and .timeindex files hold; checks every batch')
    .option('--records', 'print records too')
    .addOption(json())
    .addHelpText('after', '\nExample:\n  ringlog dump --records data/clicks-0/00000000000000000000.log')
    .action(async (files: string[], options) => (await import('./dump.ts')).dumpFiles(files, options));
}

function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what this machine offers and what the broker would use')
    .option('-d, --dir <path>', 'a directory on the disk to be used', '.')
    .option('--crash', 'start a broker there, crash it under load, and say whether it kept what it acked (within a minute)')
    .addOption(json())
    .addHelpText(
      'after',
      '\nExamples:\n  ringlog doctor\n  ringlog doctor --dir /var/lib/ringlog --json\n  ringlog doctor --crash --dir /var/lib',
    )
    .action(async (options) => {
      if (options.crash === true) await (await import('./doctor-crash.ts')).doctorCrash(options);
      else await (await import('./doctor.ts')).doctor(options);
    });
}

/** The harness is a package of its own with a command line of its own; all that follows the word goes there. */
function addBench(program: Command): void {
  program
    .command('bench')
    .description('run OpenMessaging workloads against Ringlog or any Kafka')
    .argument('[args...]')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (args: string[]) => {
      const { runBench } = (await import(packageFile('dist/bundle/bench.js').href)) as Harness;
      await runBench(args);
    });
}

function wholeNumber(text: string): number {
  const value = signedNumber(text);
  if (value < 0) throw new CommandFailed(`'${text}' is not a whole number from 0 on`);
  return value;
}

function signedNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw new CommandFailed(`'${text}' is not a whole number`);
  return Number(text);
}
