#include "worker/session/replica_watch.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace mr {
namespace {

// An element of ROLE's list: address, port, offset. What cannot be read has nothing.
int64_t offset_of(const Reply& replica) {
    int64_t offset = -1;
    if (replica.size() >= 3) {
        const std::string_view text = replica[2].text();
        std::from_chars(text.data(), text.data() + text.size(), offset);
    }
    return offset;
}

} // namespace

void ReplicaWatch::heard(Clock::time_point asked, const Reply& role) {
    if (role.size() < 3 || role[0].text() != "master") {
        lost();
        return;
    }
    const Reply replicas = role[2];
    int64_t slowest = std::numeric_limits<int64_t>::max();
    for (size_t i = 0; i < replicas.size(); ++i) {
        slowest = std::min(slowest, offset_of(replicas[i]));
    }
    if (replicas.size() < most_replicas_) {
        return;
    }
    most_replicas_ = replicas.size();
    if (most_replicas_ == 0) {
        have_all_before_ = asked;
        return;
    }
    if (mark_ == kNever || slowest >= mark_offset_) {
        have_all_before_ = mark_;
        mark_ = asked;
        mark_offset_ = role[1].integer();
    }
}

void ReplicaWatch::lost() {
    have_all_before_ = kNever;
    mark_ = kNever;
}

} // namespace mr
