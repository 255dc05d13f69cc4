// A cursor over a Fetch request's bytes, by hand: versions 4 to 18. Owner: the shard's thread.
// Hot: topics stay byte ranges of the frame; nothing is allocated. Tested against the generated codec.
//
// Use: check() once, then begin() reads the fixed part; then nextTopic()/nextPartition() walk what is fetched, and after they end
// nextForgottenTopic()/nextForgottenPartition() what the session forgets; end() checks that nothing is left over.

import { ByteReader, MalformedBytes } from '../../../engine/base/byte-reader.ts';
import { REQUEST_ELEMENTS_MAX } from './request-limits.ts';

const FLEXIBLE_SINCE = 12;
const TOPIC_ID_SINCE = 13;
const SESSION_SINCE = 7;

export class FetchRequestCursor {
  maxWaitMs = 0;
  minBytes = 0;
  maxBytes = 0;
  readCommitted = false;
  sessionId = 0;
  sessionEpoch = -1;

  /** Of the current topic: where its name (or id) stands; length -1 for an id. */
  topicOffset = 0;
  topicLength = 0;

  partition = 0;
  currentLeaderEpoch = -1;
  fetchOffset = 0;
  partitionMaxBytes = 0;

  private readonly reader = new ByteReader();
  private version = 0;
  private flexible = false;
  private topicsLeft = 0;
  private partitionsLeft = 0;
  private inTopic = false;

  /** `offset` is the first byte after the request header. @throws MalformedBytes, as do the others */
  begin(bytes: Uint8Array, offset: number, end: number, version: number): void {
    const reader = this.reader.reset(bytes, offset, end, REQUEST_ELEMENTS_MAX);
    this.version = version;
    this.flexible = version >= FLEXIBLE_SINCE;
    if (version <= 14) reader.int32();
    this.maxWaitMs = reader.int32();
    this.minBytes = reader.int32();
    this.maxBytes = reader.int32();
    this.readCommitted = reader.int8() === 1;
    this.sessionId = version >= SESSION_SINCE ? reader.int32() : 0;
    this.sessionEpoch = version >= SESSION_SINCE ? reader.int32() : -1;
    // 16 bytes of id, or a length, and a partition count: no topic is smaller than two bytes.
    this.topicsLeft = this.flexible ? reader.compactArrayLength(2) : reader.arrayLength(6);
    this.inTopic = false;
    this.partitionsLeft = 0;
  }

  /** Walk the whole request and change nothing: whoever begins anew after this meets no malformed byte. */
  check(bytes: Uint8Array, offset: number, end: number, version: number): void {
    this.begin(bytes, offset, end, version);
    while (this.nextTopic()) while (this.nextPartition());
    this.beginForgotten();
    while (this.nextForgottenTopic()) while (this.nextForgottenPartition());
    this.end();
  }

  nextTopic(): boolean {
    this.closeTopic();
    if (this.topicsLeft === 0) return false;
    this.topicsLeft--;
    this.openTopic();
    this.partitionsLeft = this.flexible ? this.reader.compactArrayLength(4) : this.reader.arrayLength(4);
    return true;
  }

  nextPartition(): boolean {
    if (this.partitionsLeft === 0) return false;
    this.partitionsLeft--;
    const reader = this.reader;
    this.partition = reader.int32();
    this.currentLeaderEpoch = this.version >= 9 ? reader.int32() : -1;
    this.fetchOffset = reader.int64();
    if (this.version >= 12) reader.int32();
    if (this.version >= 5) reader.int64();
    this.partitionMaxBytes = reader.int32();
    if (this.flexible) reader.skipTags();
    return true;
  }

  /** After the fetched topics: how many topics the session forgets. */
  beginForgotten(): void {
    this.closeTopic();
    if (this.version < SESSION_SINCE) this.topicsLeft = 0;
    else this.topicsLeft = this.flexible ? this.reader.compactArrayLength(2) : this.reader.arrayLength(6);
  }

  nextForgottenTopic(): boolean {
    return this.nextTopic();
  }

  nextForgottenPartition(): boolean {
    if (this.partitionsLeft === 0) return false;
    this.partitionsLeft--;
    this.partition = this.reader.int32();
    return true;
  }

  end(): void {
    this.closeTopic();
    if (this.version >= 11) {
      // The rack is not used: passing over it makes no string.
      this.reader.skip(this.flexible ? this.reader.uvarint() - 1 : this.reader.int16());
    }
    if (this.flexible) this.reader.skipTags();
    if (this.reader.remaining !== 0) throw new MalformedBytes(`${this.reader.remaining} bytes after a Fetch request`);
  }

  private openTopic(): void {
    const reader = this.reader;
    if (this.version >= TOPIC_ID_SINCE) {
      this.topicOffset = reader.position;
      this.topicLength = -1;
      reader.skip(16);
    } else {
      this.topicLength = this.flexible ? reader.uvarint() - 1 : reader.int16();
      this.topicOffset = reader.position;
      reader.skip(this.topicLength);
    }
    this.inTopic = true;
  }

  private closeTopic(): void {
    if (!this.inTopic) return;
    this.inTopic = false;
    if (this.flexible) this.reader.skipTags();
  }
}
