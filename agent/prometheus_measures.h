// What does muster measure of itself at the moment of a scrape?
//
// A driver by its neighbour collector/prometheus_exposition. Any thread.
#pragma once

#include "agent/view.h"
#include "collector/prometheus_exposition.h"

namespace muster::agent {

// Sets every gauge that can be read off a view.
void measure(collector::Instruments& instruments, const View& view, std::size_t rpc_streams);

}  // namespace muster::agent
