// Random clients against the coordinator: they join, sync, beat, leave, commit and fall silent, time passes, the log
// stalls or refuses, the process restarts. Whatever happens,
//  - who is synced has exactly what the leader of that generation assigned to it;
//  - a generation has one leader at most, and generations only grow while the group lives;
//  - what a commit was acknowledged for is what is fetched, after a restart too; what was not is there or not;
//  - every request is answered once time has passed, and nothing but the look for expired offsets is left armed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import type { JoinGroupAnswer, SyncGroupAnswer } from '../../../src/engine/coordinator/group-coordinator.ts';
import { CoordinatorFixture, settle, text, Watched } from './coordinator-fixture.ts';

interface Client {
  readonly instance: string | null;
  readonly idRequired: boolean;
  memberId: string;
  generation: number;
  /** What a well-behaved client would do next. */
  phase: 'join' | 'sync' | 'beat';
  joining: Watched<JoinGroupAnswer> | null;
  syncing: Watched<SyncGroupAnswer> | null;
  /** What to hand in with the next sync, as the leader of `generation`. */
  toAssign: Record<string, string> | null;
  metadata: number;
}

type Step =
  | { readonly do: 'join' | 'rejoin' | 'restart client' | 'sync' | 'heartbeat' | 'leave' | 'forget'; readonly client: number }
  | { readonly do: 'act'; readonly client: number }
  | { readonly do: 'round'; readonly clients: number }
  | { readonly do: 'commit'; readonly client: number; readonly partition: number }
  | { readonly do: 'simple commit' | 'delete offset'; readonly partition: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'hold' | 'release' | 'refuse' | 'restart' | 'delete group' };

const clientIndex = fc.nat({ max: 4 });
const partition = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), client: clientIndex }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sync' as const), client: clientIndex }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('act' as const), client: clientIndex }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('round' as const), clients: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('rejoin', 'restart client', 'heartbeat', 'leave', 'forget') as fc.Arbitrary<'rejoin'>,
      client: clientIndex,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('commit' as const), client: clientIndex, partition }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('simple commit', 'delete offset') as fc.Arbitrary<'simple commit'>, partition }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 100, 3_000, 9_999, 30_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('hold', 'release', 'release', 'refuse', 'restart', 'delete group') as fc.Arbitrary<'hold'>,
    }),
  },
);

/** A value somebody wrote, -1 for nothing. */
interface Write {
  readonly value: number;
  readonly deletes: boolean;
  /** Answered, one way or the other. */
  done: boolean;
}

class Model {
  readonly f: CoordinatorFixture;
  readonly clients: Client[] = [0, 1, 2, 3, 4].map((i) => newClient(i));
  /** By life of the group and generation, which of the assignments handed in is in force. */
  private readonly handIns = new Map<string, string>();
  private readonly leaders = new Map<number, string>();
  /** What may stand for a partition: the write last acknowledged, and those whose fate is unknown since. */
  private readonly offsets = new Map<number, readonly Write[]>();
  private readonly open: Watched<unknown>[] = [];
  private checks: Promise<void>[] = [];
  private nextOffset = 1;
  private nextHandIn = 1;
  private life = 0;
  syncsChecked = 0;

  constructor(f: CoordinatorFixture) {
    this.f = f;
  }

  async run(one: Step): Promise<void> {
    switch (one.do) {
      case 'join':
        this.join(this.clients[one.client]!);
        break;
      case 'rejoin':
        this.clients[one.client]!.metadata++;
        this.join(this.clients[one.client]!);
        break;
      case 'restart client': {
        const client = this.clients[one.client]!;
        Object.assign(client, { memberId: '', phase: 'join', joining: null, syncing: null, toAssign: null });
        this.join(client);
        break;
      }
      case 'sync':
        this.sync(this.clients[one.client]!);
        break;
      case 'act':
        this.act(this.clients[one.client]!);
        break;
      case 'round':
        for (let i = 0; i < one.clients * 4; i++) {
          this.act(this.clients[i % one.clients]!);
          await settle();
        }
        break;
      case 'heartbeat':
        this.heartbeat(this.clients[one.client]!);
        break;
      case 'leave':
        this.watch(this.f.leave(this.clients[one.client]!.memberId, this.clients[one.client]!.instance));
        break;
      case 'forget':
        Object.assign(this.clients[one.client]!, { memberId: '', phase: 'join', joining: null, syncing: null, toAssign: null });
        break;
      case 'commit': {
        const { memberId, generation, instance } = this.clients[one.client]!;
        this.commit(one.partition, { memberId, generationId: generation, groupInstanceId: instance });
        break;
      }
      case 'simple commit':
        this.commit(one.partition, {});
        break;
      case 'delete offset':
        this.deleteOffset(one.partition);
        break;
      default:
        await this.disturb(one);
    }
    await settle();
    await this.checkOffsets();
  }

  private async disturb(one: Step): Promise<void> {
    switch (one.do) {
      case 'advance':
        await this.f.advance(one.ms);
        return;
      case 'hold':
        this.f.log.mood = 'hold';
        return;
      case 'release':
        this.f.log.release();
        return;
      case 'refuse':
        this.f.log.release();
        await settle();
        this.f.log.mood = { refuse: ErrorCode.NOT_ENOUGH_REPLICAS };
        return;
      case 'restart':
        this.f.coordinator.unloadPartition(0);
        this.f.log.release();
        await settle();
        await this.f.restart();
        // A generation that was not written is given out again.
        this.life++;
        return;
      case 'delete group':
        this.deleteGroup();
        return;
      default:
    }
  }

  private watch<T>(promise: Promise<T>, then: (value: T) => void = () => undefined): Watched<T> {
    const watched = new Watched(promise);
    this.open.push(watched);
    this.checks.push(promise.then(then));
    return watched;
  }

  private act(client: Client): void {
    if (client.joining !== null || (client.syncing !== null && !client.syncing.settled)) return;
    if (client.phase === 'join') this.join(client);
    else if (client.phase === 'sync') this.sync(client);
    else this.heartbeat(client);
  }

  private heartbeat(client: Client): void {
    this.watch(this.f.heartbeat(client.memberId, client.generation, client.instance), (errorCode) => {
      if (errorCode !== ErrorCode.NONE) client.phase = 'join';
    });
  }

  private join(client: Client): void {
    const life = this.life;
    const watched = this.f.join(client.memberId, {
      groupInstanceId: client.instance,
      memberIdRequired: client.idRequired,
      metadataText: `m${client.metadata}`,
      rebalanceTimeoutMs: 20_000,
    });
    client.joining = watched;
    this.watch(watched.promise, (answer) => {
      // The client has given this request up for another.
      if (client.joining !== watched) return;
      client.joining = null;
      if (answer.errorCode === ErrorCode.UNKNOWN_MEMBER_ID || answer.errorCode === ErrorCode.FENCED_INSTANCE_ID) client.memberId = '';
      if (answer.errorCode === ErrorCode.MEMBER_ID_REQUIRED) client.memberId = answer.memberId;
      if (answer.errorCode !== ErrorCode.NONE) return;
      client.memberId = answer.memberId;
      client.generation = answer.generationId;
      client.toAssign = null;
      client.phase = 'sync';
      if (answer.leader !== answer.memberId || answer.skipAssignment) return;
      this.checkLeader(life, answer);
      const handIn = this.nextHandIn++;
      client.toAssign = Object.fromEntries(
        answer.members.map(({ memberId }, i) => [memberId, `${memberId} has ${i} in ${answer.generationId} by ${handIn}`]),
      );
    });
  }

  private checkLeader(life: number, { generationId, leader, members }: JoinGroupAnswer): void {
    expect(members.map(({ memberId }) => memberId)).toContain(leader);
    if (life !== this.life) return;
    const known = this.leaders.get(life * 1e6 + generationId);
    // A static leader may lead on under a new id, but then it is told not to assign and does not come here.
    if (known !== undefined) expect(leader, `a second leader of generation ${generationId}`).toBe(known);
    this.leaders.set(life * 1e6 + generationId, leader);
  }

  private sync(client: Client): void {
    if (client.memberId === '') return;
    const { memberId, generation, toAssign, instance } = client;
    const life = this.life;
    const watched = this.f.sync(memberId, generation, toAssign ?? {}, { groupInstanceId: instance });
    client.syncing = watched;
    this.watch(watched.promise, (answer) => {
      client.phase = answer.errorCode === ErrorCode.NONE ? 'beat' : 'join';
      if (answer.errorCode !== ErrorCode.NONE) return;
      this.syncsChecked++;
      const got = text(answer.assignment);
      // Not known to the leader when it assigned: a member that was kept silent has nothing.
      if (got === '') return;
      // A static member under a new id has what was assigned to the old one.
      if (instance === null) expect(got.startsWith(`${memberId} `), `${memberId} got "${got}"`).toBe(true);
      const [, ofGeneration, handIn] = / in (\d+) by (\d+)$/.exec(got)!;
      expect(Number(ofGeneration)).toBe(generation);
      if (life !== this.life) return;
      // A leader may hand in twice; all members have parts of the same assignment.
      const key = `${life} ${generation}`;
      const known = this.handIns.get(key) ?? handIn!;
      this.handIns.set(key, known);
      expect(handIn, `parts of two assignments in generation ${generation}`).toBe(known);
    });
  }

  private commit(index: number, member: object): void {
    const offset = this.nextOffset++;
    // Commits take effect in the order they were made. A deletion may wait for commits that came after it.
    const before = this.possible(index).filter(({ deletes, done }) => !deletes || done);
    const own = this.write(index, offset, false);
    const topics = [{ name: 't', partitions: [{ partition: index, offset, leaderEpoch: -1, metadata: '' }] }];
    this.watch(this.f.commit(0, { ...member, topics }), (errorCode) => {
      own.done = true;
      if (errorCode === ErrorCode.NONE) this.rule(index, before);
      // Refused before it came to the log, except when the answer was lost with our leadership.
      else if (errorCode !== ErrorCode.NOT_COORDINATOR) this.rule(index, [own]);
    });
  }

  private deleteOffset(index: number): void {
    const before = this.possible(index);
    const own = this.write(index, -1, true);
    const call = { groupId: 'g', topics: [{ name: 't', partitions: [index] }] };
    this.watch(this.f.coordinator.deleteOffsets(call), ({ errorCode, topics }) => {
      own.done = true;
      const done = errorCode === ErrorCode.NONE && topics[0]!.partitions[0]!.errorCode === ErrorCode.NONE;
      if (done) this.rule(index, before);
      else if (errorCode !== ErrorCode.NOT_COORDINATOR) this.rule(index, [own]);
    });
  }

  private deleteGroup(): void {
    const before = [0, 1, 2].map((index) => this.possible(index));
    const own = [0, 1, 2].map((index) => this.write(index, -1, true));
    this.watch(this.f.coordinator.deleteGroup({ groupId: 'g' }), ({ errorCode }) => {
      for (const one of own) one.done = true;
      if (errorCode === ErrorCode.NONE) this.life++;
      for (const index of [0, 1, 2]) {
        if (errorCode === ErrorCode.NONE) this.rule(index, before[index]!);
        else if (errorCode !== ErrorCode.NOT_COORDINATOR) this.rule(index, [own[index]!]);
      }
    });
  }

  private possible(index: number): readonly Write[] {
    return this.offsets.get(index) ?? [{ value: -1, deletes: false, done: true }];
  }

  private write(index: number, value: number, deletes: boolean): Write {
    const write = { value, deletes, done: false };
    this.offsets.set(index, [...this.possible(index), write]);
    return write;
  }

  /** None of these is what stands there now. */
  private rule(index: number, out: readonly Write[]): void {
    const initial = out.some(({ value, deletes }) => value === -1 && !deletes);
    const left = this.possible(index).filter((write) => !out.includes(write) && !(initial && write.value === -1 && !write.deletes));
    this.offsets.set(index, left);
  }

  private async checkOffsets(): Promise<void> {
    const checks = this.checks;
    this.checks = [];
    const done = new Set<Promise<void>>();
    for (const check of checks)
      void check.then(
        () => done.add(check),
        () => done.add(check),
      );
    await settle();
    for (const check of checks) {
      if (done.has(check)) await check;
      else this.checks.push(check);
    }
    for (const index of [0, 1, 2]) {
      const found = await this.f.committed('t', index);
      expect(
        this.possible(index).map(({ value }) => value),
        `partition ${index}`,
      ).toContain(found);
    }
  }

  /** Everybody is gone: what was parked must end by timers alone, and a restart must find what was acknowledged. */
  async end(): Promise<void> {
    this.f.log.release();
    await this.f.advanceInSteps(400_000, 5_000);
    await this.checkOffsets();
    expect(this.open.filter((request) => !request.settled).length, 'parked for ever').toBe(0);
    expect(await this.f.stateOf()).toMatch(/Empty|Dead/);
    expect(this.f.wheel.size, 'timers left').toBe(1);
    const committed = () => Promise.all([0, 1, 2].map((index) => this.f.committed('t', index)));
    const before = await committed();
    await this.f.restart();
    expect(await committed()).toEqual(before);
    this.f.coordinator.unloadPartition(0);
    expect(this.f.wheel.size).toBe(0);
  }
}

function newClient(index: number): Client {
  return {
    instance: index >= 3 ? `i${index}` : null,
    idRequired: index !== 0,
    memberId: '',
    generation: -1,
    phase: 'join',
    joining: null,
    syncing: null,
    toAssign: null,
    metadata: 0,
  };
}

test.each(['0', '3000'])('any script of clients, with an initial delay of %s ms', async (delay) => {
  let syncsChecked = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (script) => {
      const f = await CoordinatorFixture.started({ 'group.initial.rebalance.delay.ms': delay });
      const model = new Model(f);
      for (const one of script) await model.run(one);
      await model.end();
      syncsChecked += model.syncsChecked;
    }),
    { numRuns: Number(process.env['MODEL_RUNS'] ?? 150) },
  );
  expect(syncsChecked, 'the scripts get somewhere').toBeGreaterThan(100);
});
