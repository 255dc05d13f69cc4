// LoadPlan: what this worker is told before it connects (contracts/load-plan.ts), with the addresses of its partitions. Read
// once; not hot.

#ifndef RINGLOG_LOAD_LOAD_PLAN_H
#define RINGLOG_LOAD_LOAD_PLAN_H

#include <map>
#include <string>
#include <vector>

#include "json.h"
#include "schedule.h"

namespace load {

struct Address {
  std::string host;
  int port;
  auto operator<=>(const Address&) const = default;
};

struct TopicPartition {
  std::string topic;
  int partition;
  Address leader;
  // Where a consumer begins that has no committed offset.
  int64_t start_offset;
};

struct ProducerPlan {
  int id;
  std::string topic;
  int first_lane;
  bool is_read;
  // -1: not idempotent.
  int64_t producer_id;
  int producer_epoch;
};

struct ConsumerPlan {
  int id;
  std::vector<std::string> topics;
  std::string group;
  int index_in_group;
  int group_size;
  // 0: as many as come.
  double rate_limit_per_second;
  // Of its group; port 0: there is none, partitions are assigned by hand.
  Address coordinator;
};

enum class KeyDistribution { kNone, kRoundRobin, kRandom };

struct ProducerSettings {
  int acks;
  int64_t linger_ns;
  size_t batch_bytes;
  size_t request_bytes;
  int in_flight_max;
  int64_t buffer_bytes;
  int timeout_ms;
  int64_t delivery_timeout_ns;
  int64_t retry_backoff_ns;
  int64_t retries;
  std::string compression;
  int compression_level;
  bool round_robin;
};

struct ConsumerSettings {
  int max_wait_ms;
  int min_bytes;
  int max_bytes;
  int partition_max_bytes;
  bool read_committed;
  int session_timeout_ms;
  int rebalance_timeout_ms;
  int64_t heartbeat_ns;
  int64_t commit_ns;
};

struct LoadPlan {
  uint32_t run_id;
  int worker_id;
  int producer_workers;
  int producer_worker_index;
  uint32_t seed;
  std::vector<ProducerPlan> producers;
  std::vector<ConsumerPlan> consumers;
  std::map<std::string, std::vector<TopicPartition>> topics;
  KeyDistribution keys;
  std::vector<std::string> pool;
  // Indexes into the pool, in turn.
  std::vector<uint32_t> order;
  bool stamp_in_value;
  ProducerSettings producer;
  ConsumerSettings consumer;
  size_t queue_records_max;
  int64_t interval_ns;
  // -1: anywhere.
  int pin_to_cpu;
  bool starts_paused;
  bool shared_topics;
};

// Throws Failure when a field is missing or of another kind.
LoadPlan read_load_plan(const Json& json);
Phase read_phase(const Json& json);

}  // namespace load

#endif
