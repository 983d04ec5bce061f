// FNV-1a of 64 bits (RFC draft-eastlake-fnv, section 2): the same for every build and machine,
// since partitions, checkpoints and events carry what comes of it. Not for secrets, nor against
// forgery.
#pragma once

#include <cstdint>
#include <string_view>

namespace mr {

constexpr uint64_t fnv1a(std::string_view bytes) {
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : bytes) {
        hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
    }
    return hash;
}

// Its upper half folded into the lower one: for a remainder or a mask.
constexpr uint64_t fnv1a_folded(std::string_view bytes) {
    const uint64_t hash = fnv1a(bytes);
    return hash ^ (hash >> 32);
}

} // namespace mr
