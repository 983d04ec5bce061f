// Any bytes into the frame decoder: however they are cut the same events come out, no more payload
// than input, no promise of the header broken. The first bytes choose role, limits and cuts.
#include "tests/unit/shared_ws_support.h"

#include <cstdio>
#include <cstdlib>

namespace {

using namespace mr;
using ws_test::Bytes;
using ws_test::Feeder;

constexpr size_t kChoiceBytes = 3;

[[noreturn]] void broken(const char* what, const char* how) {
    std::fprintf(stderr, "broken: %s (%s)\n", what, how);
    std::abort();
}

void check(const Feeder& whole, const Feeder& cut, const char* how) {
    if (!cut.problem.empty()) {
        broken(cut.problem.c_str(), how);
    }
    if (cut.payload_bytes > cut.fed_bytes) {
        broken("more payload than input", how);
    }
    if (cut.records != whole.records || cut.frame_ends != whole.frame_ends ||
        cut.error_text != whole.error_text) {
        broken("events differ from those of the whole input", how);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < kChoiceBytes) {
        return 0;
    }
    const Role role = data[0] & 1 ? Role::server : Role::client;
    const FrameLimits limits{.max_frame_bytes = data[0] & 2 ? 100U : 100000U,
                             .max_message_bytes = data[0] & 4 ? 150U : 100000U,
                             .max_fragments = data[0] & 8 ? 3U : 1000U,
                             .rsv1_allowed = (data[0] & 16) != 0,
                             .validate_utf8 = (data[0] & 32) == 0};
    std::mt19937 random(data[1]);
    const size_t max_piece_bytes = data[2] % 64U + 1;
    const Bytes input(data + kChoiceBytes, data + size);

    Feeder whole(role, limits);
    whole.feed(input);
    check(whole, whole, "whole");
    Feeder by_byte(role, limits);
    by_byte.feed_in_pieces_of(input, 1);
    check(whole, by_byte, "byte by byte");
    Feeder cut(role, limits);
    cut.feed_at_random(input, random, max_piece_bytes);
    check(whole, cut, "cut at random");
    return 0;
}
