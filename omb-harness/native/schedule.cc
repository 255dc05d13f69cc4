// The row of phases and the times within them. One owner; hot.

#include "schedule.h"

#include <algorithm>
#include <limits>
#include <string>

#include "failure.h"

namespace load {

namespace {

constexpr double kNsPerSecond = 1e9;
constexpr double kNeverDue = std::numeric_limits<double>::infinity();

}  // namespace

Schedule::Schedule(int index, int count, uint32_t seed) : index_(index), count_(count), seed_(seed), n_(index) {}

void Schedule::announce(const Phase& phase) {
  if (!phases_.empty() && (phase.id <= phases_.back().id || phase.start_ns < phases_.back().start_ns))
    throw Failure("phase " + std::to_string(phase.id) + " comes before phase " + std::to_string(phases_.back().id));
  phases_.push_back(phase);
}

double Schedule::due_ns() {
  while (at_ < phases_.size()) {
    const double due = due_in(phases_[at_]);
    if (due < end_of(at_)) return due;
    // More may still be announced for an open phase, and its end with it.
    if (due == kNeverDue && at_ + 1 == phases_.size()) break;
    at_++;
    n_ = index_;
    drawing_ = false;
  }
  return kNeverDue;
}

void Schedule::advance() {
  n_ += count_;
  if (drawing_) poisson_ns_ += gap_ns(phases_[at_]);
}

double Schedule::due_in(const Phase& phase) {
  if (phase.rate_per_second <= 0) return kNeverDue;
  if (!phase.poisson) return phase.start_ns + n_ * kNsPerSecond / phase.rate_per_second;
  if (!drawing_) {
    drawing_ = true;
    random_ = SeededRandom(seed_ + static_cast<uint32_t>(phase.id));
    poisson_ns_ = phase.start_ns + gap_ns(phase);
  }
  return poisson_ns_;
}

// Workers' Poisson streams of a share of the rate each make one of the whole rate.
double Schedule::gap_ns(const Phase& phase) { return random_.exponential(kNsPerSecond * count_ / phase.rate_per_second); }

double Schedule::end_of(size_t index) const {
  const double next = index + 1 < phases_.size() ? phases_[index + 1].start_ns : kNeverDue;
  return std::min(phases_[index].end_ns, next);
}

int phase_at(const std::vector<Phase>& phases, double ns) {
  for (size_t i = phases.size(); i-- > 0;)
    if (ns >= phases[i].start_ns) return static_cast<int>(i);
  return -1;
}

}  // namespace load
