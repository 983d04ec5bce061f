// Little-endian loads and stores on raw bytes, and the byte-view aliases used across `shared/`.
// Owns nothing; never allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace mr {

using ByteView = std::span<const uint8_t>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Part of a text, clamped to its end. In place of std::string_view::substr, which throws and so
// pulls in the C++ runtime that the module does without.
inline std::string_view slice(std::string_view text, size_t from,
                              size_t count = std::string_view::npos) {
    if (from > text.size()) {
        from = text.size();
    }
    const size_t left = text.size() - from;
    return {text.data() + from, count < left ? count : left};
}

template <typename Integer> Integer load_le(const uint8_t* from) {
    Integer value = 0;
    for (size_t i = 0; i < sizeof(Integer); ++i) {
        value = static_cast<Integer>(value | (static_cast<Integer>(from[i]) << (8 * i)));
    }
    return value;
}

template <typename Integer> void store_le(uint8_t* to, Integer value) {
    for (size_t i = 0; i < sizeof(Integer); ++i) {
        to[i] = static_cast<uint8_t>(value >> (8 * i));
    }
}

} // namespace mr
