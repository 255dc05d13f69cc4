// Broker keys that Kafka knows and Ringlog does not act on, so that a warning can tell them from a slip of the pen.
// Owner: any thread; no state. Not hot.

const PREFIXES = [
  'alter.', 'authorizer.', 'client.quota.', 'confluent.', 'controlled.shutdown.', 'controller.', 'delegation.token.',
  'early.start.', 'group.share.', 'group.streams.', 'inter.broker.', 'internal.', 'kafka.', 'leader.', 'follower.',
  'listener.name.', 'log.cleaner.', 'max.connection.', 'metadata.', 'metric', 'principal.', 'quota.', 'remote.', 'replica.',
  'replication.', 'sasl.', 'security.', 'share.', 'ssl.', 'telemetry.', 'transaction.', 'transactional.', 'zookeeper.',
];

const NAMES = new Set([
  'add.partitions.to.txn.retry.backoff.max.ms', 'add.partitions.to.txn.retry.backoff.ms', 'alter.config.policy.class.name',
  'auto.include.jmx.reporter', 'auto.leader.rebalance.enable', 'background.threads', 'broker.heartbeat.interval.ms',
  'broker.id.generation.enable', 'broker.session.timeout.ms', 'connection.failed.authentication.delay.ms',
  'connections.max.reauth.ms', 'create.topic.policy.class.name', 'fetch.purgatory.purge.interval.requests',
  'group.consumer.migration.policy', 'group.consumer.regex.refresh.interval.ms', 'group.coordinator.new.enable',
  'group.coordinator.rebalance.protocols', 'group.coordinator.threads', 'group.coordinator.cached.buffer.max.bytes',
  'group.consumer.assignor.offload.enable', 'initial.broker.registration.timeout.ms', 'leader.imbalance.check.interval.seconds',
  'leader.imbalance.per.broker.percentage', 'log.dir.failure.timeout.ms', 'log.local.retention.bytes', 'log.local.retention.ms',
  'log.message.format.version', 'log.message.timestamp.difference.max.ms', 'log.message.downconversion.enable',
  'max.connections.per.ip.overrides', 'num.io.threads', 'num.network.threads', 'num.replica.alter.log.dirs.threads',
  'num.replica.fetchers', 'offsets.load.buffer.size', 'offsets.topic.compression.codec', 'process.roles',
  'producer.purgatory.purge.interval.requests', 'delete.records.purgatory.purge.interval.requests', 'queued.max.request.bytes',
  'queued.max.requests', 'reserved.broker.max.id', 'server.max.startup.time.ms', 'socket.connection.setup.timeout.max.ms',
  'socket.connection.setup.timeout.ms', 'unclean.leader.election.interval.ms', 'unstable.api.versions.enable',
  'unstable.feature.versions.enable', 'node.role', 'client.id', 'config.providers', 'group.coordinator.linger.ms',
]);

export function isKafkaName(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}
