// ConsumerLoad: the consumers of this worker: checks every stamp, times the way through. One owner; hot.

#ifndef RINGLOG_LOAD_CONSUMER_LOAD_H
#define RINGLOG_LOAD_CONSUMER_LOAD_H

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "consumer.h"
#include "group_member.h"
#include "load_meter.h"
#include "sequence_set.h"

namespace load {

class ConsumerLoad {
 public:
  // Connected when it returns; throws Failure.
  ConsumerLoad(EventLoop& loop, const LoadPlan& plan, LoadMeter& meter, std::function<void(const std::string&)> on_failed);

  void announce(const Phase& phase) { phases_.push_back(phase); }
  void set_paused(bool paused);
  // Every partition has its consumer, in every group.
  bool is_ready();
  // Members go from their groups.
  void leave();
  void turn(int64_t now_ns);
  int64_t wake_ns() const;
  const std::vector<Phase>& phases() const { return phases_; }
  // The parts of a LoadSummary that are a consumer's.
  void summarise(JsonWriter& json) const;

 private:
  struct Reached {
    const TopicPartition* partition;
    // The highest so far.
    int64_t sequence;
    int64_t offset;
  };
  // One group's view of one lane.
  struct Seen {
    SequenceSet sequences;
    // One a partition that it is in.
    std::vector<Reached> reached;
  };
  using Lanes = std::unordered_map<uint32_t, Seen>;

  void take(Lanes& lanes, const TopicPartition& from, int64_t offset, std::string_view value, std::string_view stamp, int64_t now_ns);

  const LoadPlan& plan_;
  LoadMeter& meter_;
  std::vector<Phase> phases_;
  std::map<std::string, Lanes> groups_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
  // Of those that are in groups, by their order in the plan.
  std::vector<std::pair<const ConsumerPlan*, std::unique_ptr<GroupMember>>> members_;
};

}  // namespace load

#endif
