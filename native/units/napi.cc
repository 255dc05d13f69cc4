// One unit of the addon: napi, compiled together because headers cost more than what includes them.
// A name in the namespace { } of one file is in those of all.

#include "napi/addon.cc"
#include "napi/reactor_binding.cc"
#include "napi/reactor_loop.cc"
