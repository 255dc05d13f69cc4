// The loop over what is due. One owner; hot.

#include "producer_load.h"

#include <cmath>
#include <limits>

#include "clock.h"

namespace load {

namespace {

// Due times looked at in one turn, so that answers are read in between.
constexpr int kTurnRecordsMax = 1000;

}  // namespace

ProducerLoad::ProducerLoad(EventLoop& loop, const LoadPlan& plan, LoadMeter& meter, std::function<void(const std::string&)> on_failed)
    : plan_(plan),
      meter_(meter),
      on_failed_(std::move(on_failed)),
      schedule_(plan.producer_worker_index, plan.producer_workers, plan.seed) {
  for (const std::string& bytes : plan.pool) pool_.push_back({bytes, body_checksum(bytes, plan.stamp_in_value)});
  for (const ProducerPlan& each : plan.producers) {
    sources_.push_back(std::make_unique<Source>(Source{nullptr, KeySource(plan.keys, plan.seed + static_cast<uint32_t>(each.id)), {}}));
    Source& source = *sources_.back();
    Producer::Events events{[this, &source](const RecordBatch& batch, int error, int64_t written, int64_t now) { on_finished(source, batch, error, written, now); },
                            on_failed_};
    source.producer = std::make_unique<Producer>(loop, each, plan, std::move(events));
    source.confirmed.resize(static_cast<size_t>(source.producer->partition_count()));
  }
}

void ProducerLoad::turn(int64_t now) {
  if (stopped_) return;
  notice_due(now, kTurnRecordsMax);
  send_waiting(now);
  const bool memory_is_wanted = !queue_.empty();
  for (const auto& source : sources_) source->producer->flush(now, memory_is_wanted);
}

void ProducerLoad::notice_due(int64_t now, int records_max) {
  for (int i = 0; i < records_max; i++) {
    const double due = schedule_.due_ns();
    if (due > static_cast<double>(now)) return;
    const Waiting waiting{std::llround(due), static_cast<int>(schedule_.phase_index())};
    schedule_.advance();
    PhaseMeter& meter = meter_.phase(waiting.phase);
    meter.count(kDue);
    meter.time(kGeneratorLag, std::max<int64_t>(0, now - waiting.due_ns));
    if (queue_.size() >= plan_.queue_records_max) meter.count(kOverflowed);
    else queue_.push_back(waiting);
  }
}

void ProducerLoad::send_waiting(int64_t now) {
  if (queue_.empty()) return;
  const int64_t timestamp_ms = wall_ms();
  while (!queue_.empty()) {
    Source* source = source_with_room();
    if (source == nullptr) return;
    send(*source, queue_.front(), now, timestamp_ms);
    queue_.pop_front();
  }
}

ProducerLoad::Source* ProducerLoad::source_with_room() {
  for (size_t i = 0; i < sources_.size(); i++) {
    Source& source = *sources_[next_source_++ % sources_.size()];
    if (source.producer->has_room()) return &source;
  }
  return nullptr;
}

void ProducerLoad::send(Source& source, const Waiting& waiting, int64_t now, int64_t timestamp_ms) {
  Producer& producer = *source.producer;
  const std::string_view key = source.keys.next();
  const int partition = producer.partition_for(key);
  const int64_t sequence = producer.next_in_lane(partition);
  const Payload& payload = pool_[plan_.order[next_payload_++ % plan_.order.size()]];
  char* at = producer.send(partition, {key, payload.bytes, plan_.stamp_in_value}, timestamp_ms, {waiting.due_ns, now, waiting.phase});
  const Stamp stamp{plan_.run_id, static_cast<uint32_t>(producer.plan().first_lane + partition), static_cast<uint32_t>(sequence), now - waiting.due_ns, waiting.due_ns};
  write_stamp(at, stamp, payload.checksum);
  PhaseMeter& meter = meter_.phase(waiting.phase);
  meter.count(kSent);
  meter.count(kSentBytes, static_cast<int64_t>(payload.bytes.size()));
  meter.time(kPublishDelay, std::max<int64_t>(0, now - waiting.due_ns));
}

void ProducerLoad::on_finished(Source& source, const RecordBatch& batch, int error, int64_t written, int64_t now) {
  if (stopped_) return;
  for (const RecordTimes& record : batch.records()) {
    PhaseMeter& meter = meter_.phase(record.phase);
    meter.time(kPublishResponse, now - record.due_ns);
    if (error != 0) {
      meter.count(kErrors);
      continue;
    }
    meter.count(kAcked);
    if (source.producer->plan().is_read) meter.count(kOwed);
    meter.time(kPublishUncorrected, now - record.sent_ns);
    meter.time(kPublishService, now - written);
  }
  if (error != 0) {
    errors_[error] += batch.count();
    return;
  }
  meter_.phase(batch.records().back().phase).count(kBatches);
  const int64_t first = batch.first_sequence_in_lane;
  source.confirmed[static_cast<size_t>(batch.partition->index)].add_range(first, first + batch.count());
}

int64_t ProducerLoad::due_ns() {
  const double due = schedule_.due_ns();
  return stopped_ || due == std::numeric_limits<double>::infinity() ? kNever : static_cast<int64_t>(std::ceil(due));
}

int64_t ProducerLoad::wake_ns() {
  if (stopped_) return kNever;
  int64_t wake = due_ns();
  for (const auto& source : sources_) wake = std::min(wake, source->producer->wake_ns());
  return wake;
}

bool ProducerLoad::owes(int64_t now) {
  if (!queue_.empty() || due_ns() <= now) return true;
  bool any = false;
  for (const auto& source : sources_) source->producer->each_unfinished([&](const RecordBatch&) { any = true; });
  return any;
}

void ProducerLoad::stop(int64_t now) {
  if (stopped_) return;
  // What a late worker has not noticed was due all the same.
  notice_due(now, std::numeric_limits<int>::max());
  for (const auto& source : sources_)
    source->producer->each_unfinished([&](const RecordBatch& batch) {
      for (const RecordTimes& record : batch.records()) count_unfinished({record.due_ns, record.phase}, now);
    });
  for (const Waiting& waiting : queue_) count_unfinished(waiting, now);
  queue_.clear();
  stopped_ = true;
}

// It took at least this long: left out, exactly the worst samples would be missing.
void ProducerLoad::count_unfinished(const Waiting& waiting, int64_t now) {
  unfinished_[schedule_.phases()[static_cast<size_t>(waiting.phase)].id]++;
  meter_.phase(waiting.phase).time(kPublishResponse, std::max<int64_t>(0, now - waiting.due_ns));
}

void ProducerLoad::summarise(JsonWriter& json) const {
  json.array("sentLanes");
  for (const auto& source : sources_) {
    for (int partition = 0; partition < source->producer->partition_count(); partition++) {
      const int64_t sent_to = source->producer->next_in_lane(partition);
      if (sent_to == 0) continue;
      json.object().number("lane", source->producer->plan().first_lane + partition).number("sentTo", sent_to).array("unconfirmed");
      for (const SequenceRange& gap : source->confirmed[static_cast<size_t>(partition)].gaps_below(sent_to))
        json.array().number({}, gap.from).number({}, gap.to).end_array();
      json.end_array().end_object();
    }
  }
  json.end_array().object("unfinishedByPhase");
  for (const auto& [phase, count] : unfinished_) json.number(std::to_string(phase), count);
  json.end_object().object("errors");
  for (const auto& [error, count] : errors_) json.number(std::to_string(error), count);
  json.end_object();
}

}  // namespace load
