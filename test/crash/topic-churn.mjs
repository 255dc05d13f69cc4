// Topics that come and go: the opens, renames and syncs that records alone do not bring. What was answered with success is
// there, or gone, whatever happened to the broker since.

import { createTopic, pause, RETRY_MS, topicError, openBroker } from '../../dist/cli/crash/leader-connection.js';
import { deleteTopicsApi } from '../../dist/net/kafka/schema/generated/delete-topics.js';
import { assert } from '../interop/rig/suite.mjs';

/** So many are left standing. */
const TOPICS = 3;
const DELETE_VERSION = 5;
const UNKNOWN_TOPIC_OR_PARTITION = 3;

export class TopicChurn {
  rounds = 0;
  created = 0;
  standing = [];
  /** The last one that went: more would only lengthen the check. */
  gone = null;
  stopping = false;

  constructor(port, configs) {
    this.port = port;
    this.configs = configs;
  }

  start() {
    this.done = this.run();
  }

  async stop() {
    this.stopping = true;
    await this.done;
  }

  async run() {
    while (!this.stopping) {
      await this.round().catch(() => pause(RETRY_MS));
    }
  }

  async round() {
    // A name of its own for each try: one that was not answered may be there or not.
    const name = `churn-${this.created++}`;
    await createTopic(this.port, name, 1, this.configs);
    this.standing.push(name);
    if (this.standing.length > TOPICS) await this.remove(this.standing.shift());
    this.rounds++;
  }

  async remove(name) {
    const connection = await openBroker(this.port);
    try {
      const { responses } = await connection.call(deleteTopicsApi, { topicNames: [name], timeoutMs: 5000 }, DELETE_VERSION);
      if (responses[0].errorCode === 0) this.gone = name;
    } finally {
      connection.close();
    }
  }

  async check() {
    for (const name of this.standing) {
      const error = await topicError(this.port, name);
      assert(error === 0, `the topic ${name} was made, now it is answered with error ${error}`);
    }
    if (this.gone === null) return;
    const error = await topicError(this.port, this.gone);
    assert(error === UNKNOWN_TOPIC_OR_PARTITION, `the topic ${this.gone} was deleted, now it is answered with error ${error}`);
  }
}
