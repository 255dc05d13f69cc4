// The tick ring's memory, described once: every slot, word and region that native code and TypeScript share.
// Owner: each shard has its own copy of this memory; both sides run on the shard's thread, so plain loads and
// stores suffice (design 3.2). Hot: constants only.
//
// native/reactor/tick_layout.h is written from this file by scripts/generate-tick-layout.mjs, and a test compares.
// Integers named *_F64 index the Float64Array over the same memory (8-byte cells); all others index the Int32Array.
// A 64-bit quantity (file position, offset, address, time) travels as a float64: exact below 2^53.

/** Int32 words in one completion slot (64 bytes). */
export const CQ_SLOT_WORDS = 16;
/** Int32 words in one submission slot (64 bytes). */
export const SQ_SLOT_WORDS = 16;
/** Int32 words in one batch descriptor (128 bytes). */
export const DESC_WORDS = 32;

/** Control block: words shared by both sides, apart from the rings. */
export const Ctl = {
  /** Completions written and not yet drained: the drain loop rereads it, because submit() may add more. */
  CQ_COUNT: 0,
  /** Submissions written and not yet executed. */
  SQ_COUNT: 1,
  /** Batch descriptors written this tick. */
  DESC_COUNT: 2,
  /** Bytes of the out region used since the last submit(). */
  OUT_USED: 3,
  /** Monotonic milliseconds, read once at the start of a tick. */
  NOW_MS_F64: 2,
  /** Wall-clock milliseconds since the Unix epoch, read once at the start of a tick. */
  WALL_MS_F64: 3,
  /** Ticks since start. */
  TICKS_F64: 4,
  /** Bytes now held in receive blocks (frames being assembled or retained). */
  HELD_BYTES_F64: 5,
  /** Calls of submit() so far, counted by the reactor at its start: slots of an earlier count are gone (a chain left
   *  open across it must not be continued). */
  SUBMITS_F64: 6,
  /** Monotonic milliseconds with their fraction, as of the last stamp(): a clock that returns a number allocates one. */
  STAMP_MS_F64: 7,
  /** Chunks of the arena of managed logs that appends may take now: 0 while three quarters of them wait for the disk. Counted
   *  when a tick begins, and by submit() when it has carried out the appends. */
  ARENA_ROOM: 16,
  /** The largest that ARENA_ROOM can be; 0 before the first managed file. */
  ARENA_ROOM_MAX: 17,
  /** Written by the engine: chunks that the first append in its line needs, 0 when none waits. A tick comes when there are so many. */
  ARENA_WANTED: 18,
  /** The largest that ARENA_ROOM can be for now: less than ARENA_ROOM_MAX while bytes wait for a disk that has no room. */
  ARENA_ROOM_MOST: 19,
  /** Size of the control block in Int32 words. */
  WORDS: 32,
} as const;

/** What a completion slot says. */
export const Cq = {
  /** A connection was accepted. CONN, GENERATION, LISTENER; the peer's address is asked for with peerAddress(conn). */
  ACCEPTED: 1,
  /** A whole request frame: see Frame below. */
  FRAME: 2,
  /** The connection is gone (peer closed, error, or CLOSE done). CONN, GENERATION, RESULT = 0 or -errno or a CloseReason. */
  CLOSED: 3,
  /** An APPEND chain was written: TICKET, RESULT = bytes written or -errno. All of the chain or none counts. */
  APPENDED: 4,
  /** A SYNC ended: TICKET, RESULT = 0 or -errno. */
  SYNCED: 5,
  /** A READ ended: TICKET, RESULT = bytes or -errno. */
  READ_DONE: 6,
  /** The last byte of a SEND_FILE with TICKET >= 0 left for the socket, or the connection died: the lease may go. */
  SENT: 7,
  /** The armed deadline passed. */
  TIMER: 8,
  /** The wake-up descriptor was signalled (another thread has put messages in our inbound ring). */
  WAKE: 9,
  /** A COMMIT ended: TICKET, RESULT = 0 or -errno. */
  COMMITTED: 10,
  /** A WRITE_BACK ended: TICKET, RESULT = 0 or -errno. An error is told here once, and never again by a sync of the file. */
  WRITTEN_BACK: 11,
  /** A VERIFY ended: TICKET, RESULT = 0 or -errno (then nothing was found out). */
  VERIFIED: 12,
} as const;

/** Fields of a completion slot that several kinds share. */
export const CqField = {
  OP: 0,
  CONN: 1,
  GENERATION: 2,
  RESULT: 3,
  TICKET: 4,
  LISTENER: 4,
} as const;

/** Fields of a FRAME completion. Offsets are into the shard's arena. */
export const Frame = {
  OP: 0,
  CONN: 1,
  GENERATION: 2,
  /** FrameStatus: 0, or why a Produce body could not be walked. */
  STATUS: 3,
  /** First byte of the request header (after the 4-byte length). */
  OFFSET: 4,
  LENGTH: 5,
  API_KEY: 6,
  API_VERSION: 7,
  CORRELATION_ID: 8,
  /** Produce only: its first descriptor and how many there are (one for each partition entry, in request order). */
  DESC_FIRST: 9,
  DESC_COUNT: 10,
  /** Block that holds the frame: to RETAIN it beyond the end of this tick. */
  BLOCK: 11,
  /** Produce only. */
  ACKS: 12,
  TIMEOUT_MS: 13,
  /** Produce only: transactional id bytes; length -1 when null. */
  TXN_ID_OFFSET: 14,
  TXN_ID_LENGTH: 15,
} as const;

/** Why a frame is not usable. The frame is delivered, so that the server can log a reason and close. */
export const FrameStatus = {
  OK: 0,
  /** A Produce body that ends early, has negative lengths, or bytes left over. */
  MALFORMED: 1,
  /** More partition entries than descriptors are left this tick even in an empty table. */
  TOO_MANY_PARTITIONS: 2,
} as const;

/** Fields of a batch descriptor: what native code found in one partition entry of a Produce request. */
export const Desc = {
  /** Topic name bytes, or 16 bytes of topic id when TOPIC_LENGTH is -1 (Produce 13+). */
  TOPIC_OFFSET: 0,
  TOPIC_LENGTH: 1,
  /** CRC-32C of the name bytes or of the id bytes, as a signed int32: the key of the shard's topic table. */
  TOPIC_HASH: 2,
  PARTITION: 3,
  /** Record bytes in the arena; length -1 when null. */
  RECORDS_OFFSET: 4,
  RECORDS_LENGTH: 5,
  /** BatchStatus. Fields below are set only as far as the status allows (all of them when OK). */
  STATUS: 6,
  ATTRIBUTES: 7,
  LAST_OFFSET_DELTA: 8,
  RECORD_COUNT: 9,
  PRODUCER_EPOCH: 10,
  BASE_SEQUENCE: 11,
  /** Magic byte as found. */
  MAGIC: 12,
  /** 1 on the first partition entry of each topic of the request. */
  TOPIC_START: 13,
  BASE_TIMESTAMP_F64: 7,
  MAX_TIMESTAMP_F64: 8,
  PRODUCER_ID_F64: 9,
  BASE_OFFSET_F64: 10,
  /** Entries of this topic that follow (valid when TOPIC_START). */
  TOPIC_PARTITIONS: 22,
  /** 1 when a record has no key. Told of uncompressed batches only. */
  KEYLESS: 23,
} as const;

/** What is wrong with a record batch, in the order checked. */
export const BatchStatus = {
  OK: 0,
  /** Null or empty records. */
  EMPTY: 1,
  /** Shorter than a batch header, or the batch length disagrees with the bytes present. */
  BAD_LENGTH: 2,
  /** Magic is not 2. */
  BAD_MAGIC: 3,
  BAD_CRC: 4,
  /** More than one batch in one partition entry. */
  SEVERAL_BATCHES: 5,
  /** record count < 1, or count != last offset delta + 1, or an uncompressed body that does not hold exactly `count` records. */
  BAD_COUNT: 6,
  /** Codec 5..7, or reserved attribute bits set. */
  BAD_ATTRIBUTES: 7,
} as const;

/** What a submission slot asks for. */
export const Sq = {
  /** Write LENGTH bytes at ADDRESS to FD at POSITION. Slots of one file are chained by NEXT (slot index or -1): only the
   *  chain's head is entered as APPEND, the rest as APPEND_MORE, positions ascending and contiguous; one completion a chain. */
  APPEND: 1,
  APPEND_MORE: 2,
  /** Send LENGTH bytes at arena OFFSET on CONN, after whatever was submitted for it before. */
  SEND: 3,
  /** Send LENGTH bytes of FD from POSITION on CONN. Completes with SENT when TICKET >= 0. */
  SEND_FILE: 4,
  /** fdatasync FD off the shard thread. */
  SYNC: 5,
  /** Read LENGTH bytes of FD at POSITION into the arena at OFFSET, off the shard thread or by io_uring. */
  READ: 6,
  /** Close CONN: at once when FLAGS is 1, otherwise after what is queued has been sent. */
  CLOSE: 7,
  /** Stop or go on reading CONN (FLAGS 0 = pause, 1 = resume). */
  READING: 8,
  /** Hold the block TICKET beyond this tick; give it back. Counted. While such blocks are half the arena, sockets are not read. */
  RETAIN: 9,
  RELEASE: 10,
  /** Complete with TIMER at monotonic POSITION ms (a float64); earlier arming is replaced. Infinity disarms. */
  ARM: 11,
  /** Make one record of a commit journal durable, off the shard thread: the LENGTH bytes at arena OFFSET (its head), the
   *  bytes of PIECES pieces and zeros up to TOTAL_BYTES are gathered and written to FD at POSITION in one write. The
   *  pieces are described at arena PIECES_OFFSET (see CommitPiece). A head's first 4 bytes are replaced by the CRC-32C,
   *  big-endian, of all that follows them up to the end of the pieces. Head and description stay untouched until then. */
  COMMIT: 12,
  /** Have the kernel write the dirty pages of LENGTH bytes of FD at POSITION, and wait until it has, off the shard thread.
   *  Nothing is durable by this: neither the file's length nor the disk's own cache is thought of. */
  WRITE_BACK: 13,
  /** Check the record batches in a range of FD as they are on the disk, off the shard thread. The range is described by
   *  float64 cells at arena OFFSET, and what was found is written there too (see VerifyCell). */
  VERIFY: 14,
} as const;

export const SqField = {
  OP: 0,
  /** CONN for socket work, FD for file work. */
  CONN: 1,
  FD: 1,
  GENERATION: 2,
  FILE_FD: 3,
  OFFSET: 4,
  LENGTH: 5,
  TICKET: 6,
  FLAGS: 7,
  /** File position (or the ARM deadline). */
  POSITION_F64: 4,
  /** APPEND: absolute address of the bytes (arenaAddress + offset, or memory of another thread). */
  ADDRESS_F64: 5,
  /** APPEND: written over bytes 0..7 of the batch, big-endian, before the write, when FLAGS has PATCH. */
  BASE_OFFSET_F64: 6,
  /** APPEND: written over bytes 12..15 of the batch, big-endian, when FLAGS has PATCH. */
  LEADER_EPOCH: 14,
  /** APPEND: next slot of the chain or -1. */
  NEXT: 15,
  /** COMMIT. */
  PIECES: 2,
  TOTAL_BYTES: 3,
  PIECES_OFFSET: 14,
} as const;

/** Float64 cells that describe one piece of a COMMIT, one description after the other. */
export const CommitPiece = {
  /** The file to read LENGTH bytes at POSITION from (they were appended before the COMMIT); -1: POSITION is an absolute
   *  address, of memory that stays as it is until the COMMIT has ended. */
  FD_F64: 0,
  POSITION_F64: 1,
  LENGTH_F64: 2,
  CELLS: 3,
} as const;

/** Float64 cells of a VERIFY: asked for, then found. */
export const VerifyCell = {
  /** Where a batch begins. */
  POSITION: 0,
  /** How much is looked at; a batch that does not end within waits for the next VERIFY. */
  WINDOW_BYTES: 1,
  /** The batches end exactly here. */
  END: 2,
  /** Offsets are at or above, and below. */
  MIN_OFFSET: 3,
  LIMIT_OFFSET: 4,
  /** 0, or a ScanStatus: what is wrong with the batch behind the good ones. */
  STATUS: 5,
  /** Bytes of whole good batches. */
  GOOD_BYTES: 6,
  /** The least offset of what follows them. */
  NEXT_OFFSET: 7,
  /** Not 0: the first batch needs a window of so much. */
  NEEDED_BYTES: 8,
  CELLS: 9,
} as const;

/** FLAGS of a COMMIT: FD was not opened for synchronous writes, so fdatasync follows the write. */
export const COMMIT_SYNC = 1;
/** FLAGS of a COMMIT: it ends before submit() returns, and nothing else goes on meanwhile. */
export const COMMIT_IN_PLACE = 2;

/** What the arena of managed logs is given out in. */
export const ARENA_CHUNK_BYTES = 65536;

/** FLAGS of an APPEND: patch base offset and leader epoch in place (both lie outside the batch's CRC). */
export const APPEND_PATCH = 1;

/** Why the reactor itself closed a connection: RESULT of CLOSED, besides 0 (peer or CLOSE) and -errno. */
export const CloseReason = {
  FRAME_TOO_LARGE: 1,
  FRAME_NEGATIVE: 2,
  /** The peer does not read its answers and the send queue reached its bound. */
  SEND_QUEUE_FULL: 3,
} as const;
