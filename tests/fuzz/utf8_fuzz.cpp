// Any bytes into the UTF-8 validator: the verdict equals a statement of RFC 3629 by arithmetic on
// code points, and does not depend on where the text is cut. The first byte chooses the cuts.
#include "shared/utf8.h"

#include <algorithm>
#include <cstdlib>

namespace {

struct Verdict {
    size_t good_bytes = 0; // before the first impossible one
    bool complete = true;
    bool operator==(const Verdict&) const = default;
};

constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000}; // by count of bytes

// Can some scalar value whose shortest form has `count` bytes lie in [low, high]?
bool possible(uint32_t low, uint32_t high, int count) {
    low = std::max(low, kSmallest[count]);
    high = std::min(high, uint32_t{0x10FFFF});
    const bool all_surrogates = low >= 0xD800 && high <= 0xDFFF;
    return low <= high && !all_surrogates;
}

Verdict by_arithmetic(std::span<const uint8_t> text) {
    uint32_t value = 0;
    int open = 0; // continuation bytes still to come
    int count = 1;
    for (size_t i = 0; i < text.size(); ++i) {
        const uint8_t byte = text[i];
        if (open > 0) {
            if (byte >> 6 != 2) {
                return {i, false};
            }
            value = value << 6 | (byte & 0x3F);
            --open;
        } else if (byte < 0x80) {
            continue;
        } else {
            count = byte >> 5 == 6 ? 2 : byte >> 4 == 14 ? 3 : byte >> 3 == 30 ? 4 : 0;
            if (count == 0) {
                return {i, false};
            }
            value = byte & (0x7FU >> count);
            open = count - 1;
        }
        const uint32_t low = value << (6 * open);
        if (!possible(low, low + (1U << (6 * open)) - 1, count)) {
            return {i, false};
        }
    }
    return {text.size(), open == 0};
}

Verdict in_pieces(std::span<const uint8_t> text, size_t first_bytes, size_t step) {
    mr::Utf8State state;
    size_t good = 0;
    for (size_t piece = first_bytes; good < text.size(); piece = piece * step % 23 + 1) {
        const auto part = text.subspan(good, std::min(piece, text.size() - good));
        const size_t fine = mr::utf8_feed(state, part);
        good += fine;
        if (fine < part.size()) {
            break;
        }
    }
    return {good, mr::utf8_complete(state)};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::span<const uint8_t> text(data + 1, size - 1);
    const Verdict right = by_arithmetic(text);
    const bool valid = right.good_bytes == text.size() && right.complete;
    if (in_pieces(text, text.size() + 1, 1) != right || in_pieces(text, 1, 0) != right ||
        in_pieces(text, data[0] % 16U + 1, data[0] / 16U + 2) != right ||
        mr::utf8_valid(text) != valid) {
        std::abort();
    }
    return 0;
}
