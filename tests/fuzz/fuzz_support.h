// What the targets share: a statement that has to hold, and input in pieces. Each piece is a copy
// of its own on the heap, so that ASan sees a read beyond its end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace mr::fuzz {

inline void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", what);
        std::abort();
    }
}

// The first byte of an input steers the target; what is left is the input proper.
struct Input {
    uint8_t choice = 0;
    std::string_view text;

    Input(const uint8_t* data, size_t size) {
        if (size > 0) {
            choice = data[0];
            text = {reinterpret_cast<const char*>(data) + 1, size - 1};
        }
    }
};

// Calls take(piece) until it returns false. Sizes vary around `about` by a sequence that depends on
// it alone; 0 is the whole at once.
template <typename Take> void in_pieces(std::string_view text, size_t about, Take take) {
    size_t size = about == 0 ? text.size() : about;
    while (!text.empty()) {
        size = std::min(size, text.size());
        const std::unique_ptr<char[]> copy(new char[size]);
        std::memcpy(copy.get(), text.data(), size);
        if (!take(std::string_view(copy.get(), size))) {
            return;
        }
        text.remove_prefix(size);
        size = about <= 1 ? 1 : size * 7 % (2 * about) + 1;
    }
}

} // namespace mr::fuzz
