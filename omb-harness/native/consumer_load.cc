// Every record's stamp, and what it says. One owner; hot.

#include "consumer_load.h"

#include <algorithm>

#include "clock.h"
#include "record_stamp.h"

namespace load {

ConsumerLoad::ConsumerLoad(EventLoop& loop, const LoadPlan& plan, LoadMeter& meter, std::function<void(const std::string&)> on_failed)
    : plan_(plan), meter_(meter) {
  for (const ConsumerPlan& each : plan.consumers) {
    Lanes& lanes = groups_[each.group];
    Consumer::Events events{
        [this, &lanes](const TopicPartition& from, int64_t offset, std::string_view value, std::string_view stamp, int64_t now) {
          take(lanes, from, offset, value, stamp, now);
        },
        // Whose they are cannot be told: the current phase's.
        [this](int64_t records) { meter_.phase(phase_at(phases_, static_cast<double>(now_ns()))).count(kCorrupt, records); },
        on_failed};
    consumers_.push_back(std::make_unique<Consumer>(loop, each, plan, std::move(events)));
    consumers_.back()->set_paused(plan.starts_paused);
    if (each.coordinator.port != 0) {
      members_.emplace_back(&each, std::make_unique<GroupMember>(loop, each, plan, *consumers_.back(), on_failed));
      continue;
    }
    std::vector<Consumer::Position> positions;
    for (const std::string& topic : each.topics)
      for (const TopicPartition& partition : plan.topics.at(topic))
        if (partition.partition % each.group_size == each.index_in_group) positions.push_back({&partition, partition.start_offset});
    consumers_.back()->assign(std::move(positions));
  }
}

void ConsumerLoad::set_paused(bool paused) {
  for (const auto& consumer : consumers_) consumer->set_paused(paused);
}

bool ConsumerLoad::is_ready() {
  std::map<std::string, size_t> owed;
  std::map<std::string, int32_t> generations;
  for (const auto& [plan, member] : members_) {
    // All of a group are in this worker: they must know of the same division.
    const int32_t generation = generations.try_emplace(plan->group, member->generation()).first->second;
    if (!member->is_stable() || member->generation() != generation) return false;
    if (owed.count(plan->group) == 0)
      for (const std::string& topic : plan->topics) owed[plan->group] += plan_.topics.at(topic).size();
    owed[plan->group] -= member->assigned();
  }
  if (!std::all_of(owed.begin(), owed.end(), [](const auto& each) { return each.second == 0; })) return false;
  for (const auto& [plan, member] : members_) member->settle();
  return true;
}

void ConsumerLoad::leave() {
  for (const auto& [plan, member] : members_) member->leave();
}

void ConsumerLoad::turn(int64_t now) {
  for (const auto& [plan, member] : members_) member->turn(now);
  for (const auto& consumer : consumers_) consumer->turn(now);
}

int64_t ConsumerLoad::wake_ns() const {
  int64_t wake = kNever;
  for (const auto& consumer : consumers_) wake = std::min(wake, consumer->wake_ns());
  for (const auto& [plan, member] : members_) wake = std::min(wake, member->wake_ns());
  return wake;
}

void ConsumerLoad::take(Lanes& lanes, const TopicPartition& from, int64_t offset, std::string_view value, std::string_view header, int64_t now) {
  Stamp stamp;
  const StampFault fault = read_stamp(value, header, plan_.run_id, stamp);
  if (fault != StampFault::kNone) {
    PhaseMeter& meter = meter_.phase(phase_at(phases_, static_cast<double>(now)));
    if (fault == StampFault::kCorrupt && !(plan_.shared_topics && stamp.run_id != plan_.run_id)) return meter.count(kCorrupt);
    meter.count(kForeign);
    return meter.count(kForeignBytes, static_cast<int64_t>(value.size()));
  }
  PhaseMeter& meter = meter_.phase(phase_at(phases_, static_cast<double>(stamp.due_ns)));
  Seen& lane = lanes[stamp.lane];
  auto reached = std::find_if(lane.reached.begin(), lane.reached.end(), [&](const Reached& each) { return each.partition == &from; });
  if (reached == lane.reached.end()) reached = lane.reached.insert(reached, {&from, -1, -1});
  const auto sequence = int64_t{stamp.sequence};
  const bool fresh = lane.sequences.add(sequence);
  // A group that divided its partitions anew goes on at what it had committed: no second copy in the log, the first again.
  if (!fresh && offset <= reached->offset) return meter.count(kRedelivered);
  meter.count(kReceived);
  meter.count(kReceivedBytes, static_cast<int64_t>(value.size()));
  meter.time(kEndToEnd, now - stamp.due_ns);
  meter.time(kEndToEndUncorrected, std::max<int64_t>(0, now - stamp.due_ns - stamp.send_delay_ns));
  if (!fresh) meter.count(kDuplicated);
  else if (sequence < reached->sequence) meter.count(kReordered);
  reached->sequence = std::max(reached->sequence, sequence);
  reached->offset = std::max(reached->offset, offset);
}

void ConsumerLoad::summarise(JsonWriter& json) const {
  json.array("seenLanes");
  for (const auto& [group, lanes] : groups_) {
    for (const auto& [lane, seen] : lanes) {
      json.object().text("group", group).number("lane", lane).array("seen");
      for (const SequenceRange& range : seen.sequences.ranges()) json.array().number({}, range.from).number({}, range.to).end_array();
      json.end_array().end_object();
    }
  }
  json.end_array();
}

}  // namespace load
