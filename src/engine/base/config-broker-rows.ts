// The configs of a broker process that are not defaults of topics. Owner: any thread; no state. Not hot.
// Names and defaults are Kafka 4.x's, adjusted where one process cannot keep several copies; own ones start with `ringlog.`.

import { INT32_MAX, bool, double, int, list, long, password, string } from './config-row.ts';

const NO_CONSUMER_GROUPS = 'groups of the consumer protocol (KIP-848) are not there yet';

export const brokerRows = [
  // Identity and addresses
  int('node.id', '1', 'Id of this process; shard i of it is the node with this id + i.', { min: 0, importance: 'high' }),
  string('broker.rack', null, 'Where this broker stands, for clients that read from the nearest copy.'),
  list('listeners', 'PLAINTEXT://127.0.0.1:9092', 'Addresses to listen on, as PLAINTEXT://host:port; an empty host is every interface.', {
    importance: 'high',
  }),
  list('advertised.listeners', null, 'Addresses that clients are told, where they differ from the ones listened on.', {
    importance: 'high',
  }),
  list(
    'listener.security.protocol.map',
    'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    'Which protocol each listener name speaks.',
  ),
  list('controller.listener.names', '', 'Listeners that belong to a controller of Kafka; there is none here, so they are skipped.'),
  // Storage
  list('log.dirs', null, 'Directories that hold the logs; a new partition goes to the one with the fewest.', { importance: 'high' }),
  string('log.dir', 'data', 'The one directory that holds the logs, where log.dirs is not set.', { importance: 'high' }),
  int('num.recovery.threads.per.data.dir', '2', 'Logs of one directory that are recovered at the same time.', {
    min: 1,
    inert: 'each shard recovers its own logs',
  }),
  long('log.retention.check.interval.ms', '300000', 'Time between two looks for segments past their retention.', { min: 1 }),
  long('log.initial.task.delay.ms', '30000', 'Time after the start before background work on logs begins.', { min: 0, importance: 'low' }),
  int('log.flush.offset.checkpoint.interval.ms', '60000', 'Time between two writes of the recovery points.', { min: 0, importance: 'low' }),
  int('log.flush.start.offset.checkpoint.interval.ms', '60000', 'Time between two writes of the log start offsets.', {
    min: 0,
    importance: 'low',
    inert: 'they are written with the recovery points',
  }),
  long('replica.high.watermark.checkpoint.interval.ms', '5000', 'Time between two writes of the high watermarks.', {
    min: 1,
    importance: 'low',
    inert: 'they are written with the recovery points',
  }),
  // Compaction
  bool('log.cleaner.enable', 'true', 'Whether compacted topics are compacted.'),
  int('log.cleaner.threads', '1', 'Threads that compact logs; never those that serve.', { min: 1, max: 128 }),
  long('log.cleaner.dedupe.buffer.size', '134217728', 'Memory of all cleaner threads for the newest offset of each key, 24 bytes each.', {
    min: 1048576,
  }),
  int('log.cleaner.io.buffer.size', '524288', 'Memory of all cleaner threads to read into and write from.', { min: 4096 }),
  double('log.cleaner.io.max.bytes.per.second', '1.7976931348623157E308', 'Bytes all cleaner threads read and write a second.', { min: 1 }),
  long('log.cleaner.backoff.ms', '15000', 'Time between two looks for logs to compact when there are none.', { min: 1 }),
  // Topics
  int('num.partitions', '1', 'Partitions of a topic that is created without a number.', { min: 1, update: 'cluster-wide' }),
  int('default.replication.factor', '1', 'Copies of a topic that is created without a number; one process keeps one.', { min: 1 }),
  bool('auto.create.topics.enable', 'true', 'Whether a topic that a client asks for comes into being.', { importance: 'high' }),
  bool('delete.topic.enable', 'true', 'Whether topics can be deleted.', { importance: 'high' }),
  // Network
  int('socket.request.max.bytes', '104857600', 'Largest request; a connection that sends a larger one is closed.', { min: 1 }),
  int('socket.send.buffer.bytes', '102400', 'Send buffer of a connection in the kernel; -1 leaves it to the kernel.', { min: -1 }),
  int('socket.receive.buffer.bytes', '102400', 'Receive buffer of a connection in the kernel; -1 leaves it to the kernel.', { min: -1 }),
  int('socket.listen.backlog.size', '50', 'Connections the kernel keeps waiting to be accepted.', { min: 1 }),
  long('connections.max.idle.ms', '600000', 'Time after which a silent connection is closed.', { min: -1 }),
  int('max.connections', String(INT32_MAX), 'Connections accepted, shared equally among the shards; 65536 a shard is the most.', {
    min: 0,
  }),
  int('max.connections.per.ip', String(INT32_MAX), 'Connections accepted from one address.', {
    min: 0,
    inert: 'only max.connections is counted',
  }),
  // Produce and fetch
  int('fetch.max.bytes', '57671680', 'Largest answer to a fetch, save for a first batch that is larger.', { min: 1024 }),
  int('max.incremental.fetch.session.cache.slots', '1000', 'Fetch sessions this process remembers.', { min: 0 }),
  int('max.request.partition.size.limit', '2000', 'Most partitions in one answer to DescribeTopicPartitions.', { min: 1 }),
  int('request.timeout.ms', '30000', 'Time a request between shards may take.', { min: 1 }),
  int('producer.id.expiration.ms', '86400000', "Time without a batch after which a producer's sequence is forgotten.", {
    min: 1,
    importance: 'low',
  }),
  int('producer.id.expiration.check.interval.ms', '600000', 'Time between two looks for producers to forget.', {
    min: 1,
    importance: 'low',
    inert: 'producers are looked at with retention, every log.retention.check.interval.ms',
  }),
  // Classic groups
  int('group.min.session.timeout.ms', '6000', 'Shortest session timeout a group member may ask for.', { min: 1 }),
  int('group.max.session.timeout.ms', '1800000', 'Longest session timeout a group member may ask for.', { min: 1 }),
  int('group.initial.rebalance.delay.ms', '3000', 'Time a new group waits for more members before its first assignment.', { min: 0 }),
  int('group.max.size', String(INT32_MAX), 'Most members of a group.', { min: 1 }),
  int('group.coordinator.append.linger.ms', '-1', 'Time group records wait to be written together; -1 follows the load.', {
    min: -1,
    inert: 'group records of one tick are written together',
  }),
  // Consumer groups (KIP-848)
  int('group.consumer.session.timeout.ms', '45000', 'Silence after which a member of a consumer group is removed.', {
    min: 1,
    inert: NO_CONSUMER_GROUPS,
  }),
  int('group.consumer.min.session.timeout.ms', '45000', 'Least session timeout a consumer group may set.', {
    min: 1,
    inert: NO_CONSUMER_GROUPS,
  }),
  int('group.consumer.max.session.timeout.ms', '60000', 'Greatest session timeout a consumer group may set.', {
    min: 1,
    inert: NO_CONSUMER_GROUPS,
  }),
  int('group.consumer.heartbeat.interval.ms', '5000', 'Time between heartbeats the members of a consumer group are told.', {
    min: 1,
    inert: NO_CONSUMER_GROUPS,
  }),
  int('group.consumer.min.heartbeat.interval.ms', '5000', 'Least heartbeat interval a consumer group may set.', {
    min: 1,
    inert: NO_CONSUMER_GROUPS,
  }),
  int('group.consumer.max.heartbeat.interval.ms', '15000', 'Greatest heartbeat interval a consumer group may set.', {
    min: 1,
    inert: NO_CONSUMER_GROUPS,
  }),
  int('group.consumer.max.size', String(INT32_MAX), 'Most members of a consumer group.', { min: 1, inert: NO_CONSUMER_GROUPS }),
  list('group.consumer.assignors', 'uniform,range', 'Assignors a consumer group can ask for; the first is the default.', {
    oneOf: ['uniform', 'range'],
    inert: NO_CONSUMER_GROUPS,
  }),
  int('group.consumer.assignment.interval.ms', '1000', 'Shortest time between two assignments of one consumer group.', {
    min: 0,
    inert: NO_CONSUMER_GROUPS,
  }),
  // Committed offsets
  int('offset.metadata.max.bytes', '4096', 'Largest text a client may commit with an offset.', { min: 0 }),
  int('offsets.topic.num.partitions', '16', 'Partitions of the topic that holds groups and offsets; fixed at its creation.', {
    min: 1,
    importance: 'high',
  }),
  int('offsets.topic.replication.factor', '1', 'Copies of the topic that holds groups and offsets; one process keeps one.', {
    min: 1,
    importance: 'high',
  }),
  int('offsets.topic.segment.bytes', '104857600', 'Segment size of the topic that holds groups and offsets.', { min: 1 }),
  int('offsets.retention.minutes', '10080', 'How long offsets outlive their group.', { min: 1, importance: 'high' }),
  long('offsets.retention.check.interval.ms', '600000', 'Time between two looks for expired offsets.', { min: 1 }),
  int('offsets.commit.timeout.ms', '5000', 'Time an offset commit waits to be durable.', {
    min: 1,
    inert: 'a commit is answered when it is durable or refused',
  }),
  // Ringlog's own
  string('ringlog.shards', 'auto', 'Cores that serve: auto is one shard a usable core, 0 is one in the calling thread.', {
    pattern: /^(auto|\d{1,3})$/,
    accepted: "'auto' or a whole number from 0 to 999",
    importance: 'high',
  }),
  string('ringlog.cpus', null, 'Which cores the shards are pinned to, as 0-3,6; unset takes the usable ones in order.', {
    pattern: /^\d+(-\d+)?(,\d+(-\d+)?)*$/,
    accepted: 'core numbers and ranges, as 0-3,6',
  }),
  string(
    'ringlog.listeners',
    'auto',
    'per-shard: shard i listens on port + i and is a node of its own. single: one port for all. auto: single when advertised.listeners is set, else per-shard.',
    { oneOf: ['auto', 'per-shard', 'single'] },
  ),
  string(
    'ringlog.fsync',
    'before-ack',
    'When appended records are made durable: before an acks=all answer, at an interval, or when the kernel likes.',
    { oneOf: ['before-ack', 'interval', 'never'], importance: 'high' },
  ),
  int('ringlog.fsync.interval.ms', '1000', 'The interval of ringlog.fsync=interval.', { min: 1 }),
  string(
    'ringlog.commit',
    'journal',
    'What makes records durable before an answer: one write to the commit journal of the shard for all its partitions, or a sync of each segment.',
    { oneOf: ['journal', 'segments'] },
  ),
  int('ringlog.commit.journal.bytes', '67108864', 'What the commit journal of a shard and log directory may grow to.', {
    min: 4194304,
    max: 1073741824,
  }),
  int(
    'ringlog.commit.segment.bytes',
    '262144',
    'A commit of one partition larger than this is a sync of its segment: its bytes are not written twice.',
    {
      min: 0,
      max: 1048576,
      importance: 'low',
    },
  ),
  bool(
    'ringlog.commit.in.place',
    'false',
    'A shard writes its commit journal itself and waits for the disk, without other threads to be woken: for few callers who wait for each record, alone.',
    { importance: 'low' },
  ),
  long(
    'ringlog.writeback.bytes',
    '16777216',
    'Dirty pages of a shard that wait in the page cache before the oldest are handed to the disk; 0 leaves it to the kernel.',
    { min: 0 },
  ),
  bool(
    'ringlog.segment.recycle',
    'true',
    'Files of segments that retention deleted become the next segments of the same log, if it is a managed one, instead of being freed.',
    { importance: 'low' },
  ),
  long(
    'ringlog.scrub.bytes.per.second',
    '1048576',
    'How fast all shards together read their logs again, below the page cache, to find what has rotted on the disk; 0 is never.',
    { min: 0 },
  ),
  string('ringlog.reactor', 'auto', 'What moves bytes: the native addon, or node:net and node:fs. auto takes the addon where it loads.', {
    oneOf: ['auto', 'native', 'portable'],
  }),
  string('ringlog.io.uring', 'auto', 'Whether io_uring serves the file work it is faster at; auto probes.', {
    oneOf: ['auto', 'on', 'off'],
  }),
  long('ringlog.memory.bytes', null, 'Memory for buffers and caches of all shards together; unset leaves them bounds of their own.', {
    min: 16777216,
  }),
  string('ringlog.http.listener', null, 'Address of metrics, health answers and the console, as 127.0.0.1:9464; unset is none.', {
    pattern: /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*):\d{1,5}$/,
    accepted: 'host:port, as 127.0.0.1:9464; an empty host is every interface',
  }),
  string('ringlog.http.engine', 'auto', 'What carries HTTP: uWebSockets.js, or node:http. auto takes uWebSockets.js where it loads.', {
    oneOf: ['auto', 'uws', 'node'],
  }),
  password('ringlog.http.token', null, 'What whoever asks over HTTP has to show; unset asks for nothing.'),
  list('ringlog.http.origins', '', 'Sites whose pages may ask over HTTP, as https://app.example; * is all.'),
  int('ringlog.http.body.bytes.max', '8388608', 'Largest body of a request, or line of a stream of lines.', { min: 1024 }),
  int(
    'ringlog.http.inflight.bytes.max',
    '67108864',
    'Bytes of bodies that wait for their answers; beyond, requests are told to come later.',
    {
      min: 1024,
    },
  ),
  int('ringlog.http.idempotency.window.ms', '600000', 'How long a request that comes again with its idempotency key is known, at least.', {
    min: 1,
  }),
  bool('ringlog.insecure', 'false', 'Allows listeners beyond this machine although nothing encrypts or authenticates.', {
    importance: 'high',
  }),
  string('ringlog.cluster.id', null, 'Id of a cluster that is created now; one that exists must have the same.', {
    pattern: /^[A-Za-z0-9_-]{1,64}$/,
    accepted: 'up to 64 letters, digits, - and _',
  }),
  int('ringlog.segment.bytes.min', '1048576', 'Least segment.bytes that is accepted; smaller segments are for tests.', {
    min: 1,
    importance: 'low',
  }),
] as const;
