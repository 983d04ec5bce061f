// The part of a Redis URL behind its '?', and the decoding that all its parts share. For
// redis_url.cpp alone.
#pragma once

#include "shared/bytes.h"
#include "shared/redis_url.h"

#include <optional>
#include <string_view>

namespace mr {

// The value of a hexadecimal digit, or -1.
int hex_value(char c);

// Takes what stands before `mark` off the front of `text`; nothing when there is no mark.
std::optional<std::string_view> take_until(std::string_view& text, char mark);

// Percent-decodes into `out`; null on success.
template <size_t kCapacity>
const char* decode_url_part(std::string_view text, FixedText<kCapacity>& out,
                            const char* too_long) {
    char decoded[kCapacity];
    size_t length = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
            if (low < 0) {
                return "has a '%' that is not followed by two hexadecimal digits";
            }
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            return "has a control character in it";
        }
        if (length == kCapacity) {
            return too_long;
        }
        decoded[length++] = c;
    }
    out.assign({decoded, length});
    return nullptr;
}

const char* parse_redis_database(std::string_view text, RedisUrl& url);

// All options, and whether they fit to the form of the URL. Null on success.
const char* parse_redis_options(std::string_view text, RedisUrl& url);

} // namespace mr
