// Handshakes and plain requests of one server in turn, full handshakes of TLS and resumed ones
// apart.
#pragma once

#include "bench/tool/handshakes.h"

#include <functional>

namespace mr::bench {

struct BesideLegs {
    std::function<Result(const Common&)> handshakes;
    std::function<Result(const Common&)> requests;
};

// Throws std::runtime_error.
Result run_beside(const Common& common, const HandshakeOptions& options, const BesideLegs& legs);

} // namespace mr::bench
