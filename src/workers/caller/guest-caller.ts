// A thread of the user's that writes to the log through rings of its own: batches lie in its arena and go straight to the
// shards; what it must know of topics comes by its port. Owner: the user's thread. Hot: as caller.ts.

import type { MessagePort } from 'node:worker_threads';
import { useNativeCrc32c } from '../../engine/base/crc32c.ts';
import { microtask } from '../../engine/base/microtask.ts';
import { loadNativeBinding } from '../../engine/io/native-binding.ts';
import type { TopicImage } from '../../engine/metadata/metadata-image.ts';
import { CallError } from '../ring/call-error.ts';
import { MeshEndpoint } from '../ring/mesh-endpoint.ts';
import { MessageKind } from '../ring/message-layout.ts';
import type { RingMesh } from '../ring/ring-mesh.ts';
import { Mail } from '../shard/mail.ts';
import { BatchArena } from './batch-arena.ts';
import { CallerAppends } from './caller-appends.ts';

/** A topic and the longest batch that it takes. */
export type GuestTopic = readonly [image: TopicImage, maxBatchBytes: number];

/** What a guest is let in with; structured-cloneable, its port transferable. */
export interface GuestPass {
  readonly thread: number;
  readonly mesh: RingMesh;
  readonly port: MessagePort;
  readonly topics: readonly GuestTopic[];
}

/** Guest → supervisor. */
export type GuestWord = { readonly kind: 'opened' | 'closed' | 'nextProducerId' };

/** Supervisor → guest. */
export type GuestTold =
  | { readonly kind: 'topics'; readonly topics: readonly GuestTopic[] }
  | { readonly kind: 'producerId'; readonly id: number }
  /** The log closes: end well. */
  | { readonly kind: 'end' }
  | { readonly kind: 'lost'; readonly reason: string };

export interface GuestListener {
  /** The log closes. */
  end(): void;
  /** The log is gone, and everything under way with it. */
  lose(reason: CallError): void;
}

export class GuestCaller {
  readonly appends: CallerAppends;
  /** By name. */
  readonly image: { topic(name: string): TopicImage | undefined };
  private readonly port: MessagePort;
  private readonly endpoint: MeshEndpoint;
  private topics = new Map<string, GuestTopic>();
  private readonly idWaiters: { readonly resolve: (id: number) => void; readonly reject: (reason: unknown) => void }[] = [];
  private gone: CallError | null = null;
  private ended = false;
  private publishing = false;

  constructor({ thread, mesh, port, topics }: GuestPass, listener: GuestListener) {
    const native = loadNativeBinding().binding;
    if (native !== null) useNativeCrc32c(native.crc32c);
    this.port = port;
    this.image = { topic: (name) => this.topics.get(name)?.[0] };
    this.learn(topics);
    const mail = new Mail(
      (shard) => this.endpoint.mailboxes[shard + 1]!,
      () => this.publishSoon(),
    );
    this.appends = new CallerAppends(new BatchArena(mesh.callerArenas[thread]!), mail);
    this.endpoint = new MeshEndpoint(
      mesh,
      thread,
      {
        onMessage: (mailbox, kind, at) => {
          if (kind === MessageKind.APPEND_RESULT && this.gone === null) this.appends.onResult(mailbox, at);
        },
        onSpace: (mailbox) => mail.onSpace(mailbox),
        onControl: () => {
          throw new CallError('CLOSED', 'a guest answers nothing');
        },
      },
      { signal: native === null ? null : (fd) => native.signal(fd), wakeFd: -1 },
    );
    this.endpoint.runOnLoop();
    port.on('message', (told: GuestTold) => this.onTold(told, listener));
    port.on('close', () => this.lose('the log is closed', listener));
    this.say({ kind: 'opened' });
  }

  get closed(): CallError | null {
    return this.gone;
  }

  maxBatchBytes({ name }: TopicImage): number {
    return this.topics.get(name)![1];
  }

  /** -1 when metadata cannot be written now. */
  nextProducerId(): Promise<number> {
    if (this.gone !== null) return Promise.reject(this.gone);
    return new Promise((resolve, reject) => {
      this.idWaiters.push({ resolve, reject });
      this.say({ kind: 'nextProducerId' });
    });
  }

  /** After everything sent has its answer: the place is free for another. */
  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.endpoint.close('the producer is closed');
    if (this.gone === null) this.say({ kind: 'closed' });
    this.port.close();
  }

  private onTold(told: GuestTold, listener: GuestListener): void {
    if (told.kind === 'topics') this.learn(told.topics);
    else if (told.kind === 'producerId') this.idWaiters.shift()?.resolve(told.id);
    else if (told.kind === 'end') listener.end();
    else this.lose(told.reason, listener);
  }

  private lose(reason: string, listener: GuestListener): void {
    if (this.gone !== null || this.ended) return;
    this.gone = new CallError('CLOSED', reason);
    for (const { reject } of this.idWaiters.splice(0)) reject(this.gone);
    this.appends.arena.close(this.gone);
    this.appends.lose(this.gone);
    listener.lose(this.gone);
    this.close();
  }

  /** The same object for a topic that has not changed: producers keep what they know by it. */
  private learn(topics: readonly GuestTopic[]): void {
    const before = this.topics;
    const same = (one: GuestTopic): GuestTopic => {
      const known = before.get(one[0].name);
      return known !== undefined && JSON.stringify(known) === JSON.stringify(one) ? known : one;
    };
    this.topics = new Map(topics.map((one) => [one[0].name, same(one)]));
  }

  private say(word: GuestWord): void {
    this.port.postMessage(word);
  }

  /** Not a closure of publishSoon(): that would be one a turn. */
  private readonly publish = (): void => {
    this.publishing = false;
    for (const mailbox of this.endpoint.mailboxes) mailbox?.publish();
  };

  private publishSoon(): void {
    if (this.publishing) return;
    this.publishing = true;
    microtask(this.publish);
  }
}
