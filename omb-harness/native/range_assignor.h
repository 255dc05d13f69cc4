// RangeAssignor: Kafka's default division of partitions: topic by topic, each member of those subscribed a run of them, the
// first ones one more where it does not come out even. Pure; not hot.

#ifndef RINGLOG_LOAD_RANGE_ASSIGNOR_H
#define RINGLOG_LOAD_RANGE_ASSIGNOR_H

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace load {

struct Membership {
  std::string member;
  std::vector<std::string> topics;
};

// By member, by topic.
using Division = std::map<std::string, std::map<std::string, std::vector<int>>>;

inline Division divide_by_range(std::vector<Membership> members, const std::map<std::string, int>& partitions) {
  std::sort(members.begin(), members.end(), [](const Membership& a, const Membership& b) { return a.member < b.member; });
  Division division;
  for (const Membership& each : members) division[each.member];
  for (const auto& [topic, count] : partitions) {
    std::vector<const Membership*> subscribed;
    for (const Membership& each : members)
      if (std::find(each.topics.begin(), each.topics.end(), topic) != each.topics.end()) subscribed.push_back(&each);
    int next = 0;
    const auto share = static_cast<int>(subscribed.size());
    for (int i = 0; i < share; i++) {
      const int own = count / share + (i < count % share ? 1 : 0);
      for (int k = 0; k < own; k++) division[subscribed[static_cast<size_t>(i)]->member][topic].push_back(next++);
    }
  }
  return division;
}

}  // namespace load

#endif
