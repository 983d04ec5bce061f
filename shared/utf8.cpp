#include "shared/utf8.h"

#include <array>
#include <cstring>

namespace mr {

namespace {

// The automaton of RFC 3629 section 4: what may follow.
enum Node : uint8_t {
    kStart,   // a code point may begin; the text may end
    kTail1,   // one continuation byte, 80..BF
    kTail2,   // two
    kTail3,   // three
    kAfterE0, // A0..BF, then one: below are overlong forms
    kAfterEd, // 80..9F, then one: above are surrogates
    kAfterF0, // 90..BF, then two: below are overlong forms
    kAfterF4, // 80..8F, then two: above is beyond U+10FFFF
    kReject,
    kNodes,
};

constexpr bool between(unsigned byte, unsigned first, unsigned last) {
    return byte >= first && byte <= last;
}

constexpr Node lead(unsigned byte) {
    if (byte <= 0x7F) {
        return kStart;
    }
    if (between(byte, 0xC2, 0xDF)) { // C0 and C1 begin overlong forms only
        return kTail1;
    }
    switch (byte) {
    case 0xE0:
        return kAfterE0;
    case 0xED:
        return kAfterEd;
    case 0xF0:
        return kAfterF0;
    case 0xF4:
        return kAfterF4;
    default:
        break;
    }
    if (between(byte, 0xE1, 0xEF)) {
        return kTail2;
    }
    return between(byte, 0xF1, 0xF3) ? kTail3 : kReject;
}

constexpr Node step(unsigned node, unsigned byte) {
    switch (node) {
    case kStart:
        return lead(byte);
    case kTail1:
        return between(byte, 0x80, 0xBF) ? kStart : kReject;
    case kTail2:
        return between(byte, 0x80, 0xBF) ? kTail1 : kReject;
    case kTail3:
        return between(byte, 0x80, 0xBF) ? kTail2 : kReject;
    case kAfterE0:
        return between(byte, 0xA0, 0xBF) ? kTail1 : kReject;
    case kAfterEd:
        return between(byte, 0x80, 0x9F) ? kTail1 : kReject;
    case kAfterF0:
        return between(byte, 0x90, 0xBF) ? kTail2 : kReject;
    case kAfterF4:
        return between(byte, 0x80, 0x8F) ? kTail2 : kReject;
    default:
        return kReject;
    }
}

// All nine nodes' successors for one byte stand in one 64-bit row, six bits each; a node is kept as
// the offset of its six bits. A step is then one shift of a row whose load depends on nothing
// before it: about a cycle per byte, without branches.
constexpr unsigned kNodeBits = 6;
constexpr uint64_t kNodeMask = (1U << kNodeBits) - 1;
constexpr uint8_t kRejectOffset = kReject * kNodeBits;
static_assert(kNodes * kNodeBits <= 64 && kRejectOffset <= kNodeMask && kStart == 0);

constexpr auto kRows = [] {
    std::array<uint64_t, 256> rows{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        for (unsigned node = 0; node < kNodes; ++node) {
            rows[byte] |= uint64_t{step(node, byte)} * kNodeBits << (node * kNodeBits);
        }
    }
    return rows;
}();

constexpr size_t kBlockBytes = 8;

uint64_t load_block(const uint8_t* bytes) {
    uint64_t block;
    std::memcpy(&block, bytes, sizeof block);
    return block;
}

bool all_ascii(uint64_t block) {
    return (block & 0x8080808080808080ULL) == 0;
}

} // namespace

size_t utf8_feed(Utf8State& state, std::span<const uint8_t> bytes) noexcept {
    const uint8_t* data = bytes.data();
    const size_t size = bytes.size();
    uint64_t node = state.node;
    size_t at = 0;

    while (size - at >= kBlockBytes) {
        if (node == kStart && all_ascii(load_block(data + at))) {
            at += kBlockBytes;
            continue;
        }
        uint64_t after = node;
        for (size_t i = 0; i < kBlockBytes; ++i) {
            after = kRows[data[at + i]] >> after & kNodeMask;
        }
        if (after == kRejectOffset) {
            break; // which of the eight it was, the loop below finds out
        }
        node = after;
        at += kBlockBytes;
    }
    for (; at < size; ++at) {
        node = kRows[data[at]] >> node & kNodeMask;
        if (node == kRejectOffset) {
            break;
        }
    }
    state.node = static_cast<uint8_t>(node);
    return at;
}

bool utf8_valid(std::span<const uint8_t> bytes) noexcept {
    Utf8State state;
    return utf8_feed(state, bytes) == bytes.size() && utf8_complete(state);
}

} // namespace mr
