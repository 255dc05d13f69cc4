// What other threads ask of this shard's partitions: shards that a client came to (`ringlog.listeners=single`), and
// embedded callers. Owner: the shard's thread. Not hot for clients of the shard that leads.
//
// A full ring is back-pressure: what cannot be claimed waits in line for room, in order, and who asks is bounded by lines of
// its own.

import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { MessageKind, ReleaseLease } from '../ring/message-layout.ts';
import { SlotField } from '../ring/spsc-ring.ts';
import { type CallerArena, ForwardedAppends } from './forwarded-appends.ts';
import { ForwardedPlans } from './forwarded-plans.ts';
import type { Mail } from './mail.ts';

export class ForwardedRequests {
  private readonly broker: ShardBroker;
  private readonly appends: ForwardedAppends;
  private readonly plans: ForwardedPlans;

  constructor(broker: ShardBroker, mail: Mail, callerArenas: readonly (CallerArena | null)[]) {
    this.broker = broker;
    this.appends = new ForwardedAppends(broker, mail, callerArenas);
    this.plans = new ForwardedPlans(broker, mail);
    broker.writers.push(this.appends);
  }

  /** False: not a request. */
  take(mailbox: Mailbox, kind: number, at: number): boolean {
    switch (kind) {
      case MessageKind.FORWARD_APPEND:
        this.appends.take(mailbox, at);
        return true;
      case MessageKind.FETCH_PLAN_REQUEST:
        this.plans.take(mailbox, at);
        return true;
      case MessageKind.UNWATCH:
        this.plans.answerNow(mailbox, mailbox.inbound.words[at + SlotField.TICKET]!);
        return true;
      case MessageKind.RELEASE_LEASE:
        this.broker.logs.onSent(mailbox.inbound.words[at + ReleaseLease.LEASE]!);
        return true;
      default:
        return false;
    }
  }
}
