// From control messages to plans. The TypeScript side has checked what users wrote; a fault here is one of the harness.

#include "load_plan.h"

#include <charconv>
#include <limits>

#include "clock.h"
#include "failure.h"

namespace load {

namespace {

int to_int(const Json& json) { return static_cast<int>(json.whole()); }

int64_t setting(const Json& settings, const char* name) {
  const std::string& text = settings[name].text();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) throw Failure(std::string(name) + "=" + text + ": must be a whole number");
  return value;
}

ProducerSettings read_producer_settings(const Json& json) {
  ProducerSettings made;
  const std::string& acks = json["acks"].text();
  made.acks = acks == "all" ? -1 : static_cast<int>(setting(json, "acks"));
  made.linger_ns = setting(json, "linger.ms") * kNsPerMs;
  made.batch_bytes = static_cast<size_t>(setting(json, "batch.size"));
  made.request_bytes = static_cast<size_t>(setting(json, "max.request.size"));
  made.in_flight_max = static_cast<int>(setting(json, "max.in.flight.requests.per.connection"));
  made.buffer_bytes = setting(json, "buffer.memory");
  made.timeout_ms = static_cast<int>(setting(json, "request.timeout.ms"));
  made.delivery_timeout_ns = setting(json, "delivery.timeout.ms") * kNsPerMs;
  made.retry_backoff_ns = setting(json, "retry.backoff.ms") * kNsPerMs;
  made.retries = setting(json, "retries");
  made.compression = json["compression.type"].text();
  made.compression_level = static_cast<int>(setting(json, "compression.gzip.level"));
  made.round_robin = json["partitioner.class"].text() == "RoundRobinPartitioner";
  return made;
}

ConsumerSettings read_consumer_settings(const Json& json) {
  ConsumerSettings made;
  made.max_wait_ms = static_cast<int>(setting(json, "fetch.max.wait.ms"));
  made.min_bytes = static_cast<int>(setting(json, "fetch.min.bytes"));
  made.max_bytes = static_cast<int>(setting(json, "fetch.max.bytes"));
  made.partition_max_bytes = static_cast<int>(setting(json, "max.partition.fetch.bytes"));
  made.read_committed = json["isolation.level"].text() == "read_committed";
  made.session_timeout_ms = static_cast<int>(setting(json, "session.timeout.ms"));
  made.rebalance_timeout_ms = static_cast<int>(setting(json, "max.poll.interval.ms"));
  made.heartbeat_ns = setting(json, "heartbeat.interval.ms") * kNsPerMs;
  made.commit_ns = setting(json, "auto.commit.interval.ms") * kNsPerMs;
  return made;
}

Address read_address(const Json& json) {
  if (json.is_null()) return {"", 0};
  return {json["host"].text(), to_int(json["port"])};
}

KeyDistribution read_keys(const std::string& name) {
  if (name == "NO_KEY") return KeyDistribution::kNone;
  if (name == "KEY_ROUND_ROBIN") return KeyDistribution::kRoundRobin;
  if (name == "RANDOM_NANO") return KeyDistribution::kRandom;
  throw Failure("keyDistribution " + name + " is unknown");
}

}  // namespace

LoadPlan read_load_plan(const Json& json) {
  LoadPlan plan;
  plan.run_id = static_cast<uint32_t>(json["runId"].whole());
  plan.worker_id = to_int(json["workerId"]);
  plan.producer_workers = to_int(json["producerWorkers"]);
  plan.producer_worker_index = to_int(json["producerWorkerIndex"]);
  plan.seed = static_cast<uint32_t>(json["seed"].whole());
  for (const Json& each : json["producers"].list())
    plan.producers.push_back({to_int(each["producerId"]), each["topic"].text(), to_int(each["firstLane"]), each["isRead"].truth(),
                              each["idempotentId"].whole(), to_int(each["idempotentEpoch"])});
  for (const Json& each : json["consumers"].list()) {
    const Json& limit = each["rateLimitPerSecond"];
    ConsumerPlan consumer{to_int(each["consumerId"]), {}, each["group"].text(), to_int(each["indexInGroup"]), to_int(each["groupSize"]),
                          limit.is_null() ? 0 : limit.number(), read_address(each["coordinator"])};
    for (const Json& topic : each["topics"].list()) consumer.topics.push_back(topic.text());
    plan.consumers.push_back(std::move(consumer));
  }
  for (const auto& [name, partitions] : json["topics"].members())
    for (const Json& each : partitions.list())
      plan.topics[name].push_back({name, to_int(each["partition"]), read_address(each["leader"]), each["startOffset"].whole()});
  plan.keys = read_keys(json["keyDistribution"].text());
  plan.stamp_in_value = json["payload"]["stampIn"].text() == "value";
  for (const Json& each : json["payload"]["pool"].list()) plan.pool.push_back(from_base64(each.text()));
  if (const Json& order = json["payload"]["order"]; !order.is_null())
    for (const Json& each : order.list()) plan.order.push_back(static_cast<uint32_t>(each.whole()));
  else
    for (uint32_t i = 0; i < plan.pool.size(); i++) plan.order.push_back(i);
  if (!plan.producers.empty()) plan.producer = read_producer_settings(json["producerSettings"]);
  if (!plan.consumers.empty()) plan.consumer = read_consumer_settings(json["consumerSettings"]);
  plan.queue_records_max = static_cast<size_t>(json["queueRecordsMax"].whole());
  plan.interval_ns = json["intervalMs"].whole() * kNsPerMs;
  plan.starts_paused = json["startsPaused"].truth();
  plan.shared_topics = json["sharedTopics"].truth();
  plan.pin_to_cpu = json["pinToCpu"].is_null() ? -1 : to_int(json["pinToCpu"]);
  return plan;
}

Phase read_phase(const Json& json) {
  const Json& end = json["endNs"];
  std::vector<RatePoint> course;
  if (const Json& points = json["course"]; !points.is_null())
    for (const Json& each : points.list()) course.push_back({each["atSeconds"].number(), each["ratePerSecond"].number()});
  return {to_int(json["id"]), json["startNs"].number(), end.is_null() ? std::numeric_limits<double>::infinity() : end.number(),
          json["ratePerSecond"].number(), json["arrivals"].text() == "poisson", std::move(course)};
}

}  // namespace load
