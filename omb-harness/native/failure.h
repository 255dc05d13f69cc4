// Failure: the load cannot go on, in one line for the user. Any thread; not hot.

#ifndef RINGLOG_LOAD_FAILURE_H
#define RINGLOG_LOAD_FAILURE_H

#include <stdexcept>

namespace load {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace load

#endif
