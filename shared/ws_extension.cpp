#include "shared/ws_extension.h"

#include "shared/ws_handshake.h"

#include <algorithm>
#include <cstring>

namespace mr {
namespace {

constexpr uint8_t kLeastClientBits = 8;

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// Walks a header value from the front.
class Cursor {
  public:
    explicit Cursor(std::string_view text) noexcept : rest_(text) {}

    void skip_blanks() {
        while (!rest_.empty() && is_blank(rest_.front())) {
            rest_.remove_prefix(1);
        }
    }

    bool at_end() const { return rest_.empty(); }

    // Takes the character, and blanks around it, if it is the next.
    bool take(char wanted) {
        skip_blanks();
        if (rest_.empty() || rest_.front() != wanted) {
            return false;
        }
        rest_.remove_prefix(1);
        skip_blanks();
        return true;
    }

    // A token (RFC 7230 section 3.2.6); empty: there is none.
    std::string_view token() {
        size_t size = 0;
        while (size < rest_.size() && token_valid({rest_.data() + size, 1})) {
            ++size;
        }
        const std::string_view token(rest_.data(), size);
        rest_.remove_prefix(size);
        return token;
    }

    // A token or a quoted one (RFC 6455 section 9.1); empty: there is none. Nothing a token may
    // hold needs a backslash, so a quoted value with one is no value.
    std::string_view value() {
        if (rest_.empty() || rest_.front() != '"') {
            return token();
        }
        rest_.remove_prefix(1);
        const std::string_view quoted = token();
        if (rest_.empty() || rest_.front() != '"') {
            return {};
        }
        rest_.remove_prefix(1);
        return quoted;
    }

  private:
    std::string_view rest_;
};

// 8..15 without leading zeros; 0: something else.
uint8_t window_bits(std::string_view value) {
    if (value.size() == 1 && (value[0] == '8' || value[0] == '9')) {
        return static_cast<uint8_t>(value[0] - '0');
    }
    if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5') {
        return static_cast<uint8_t>(10 + value[1] - '0');
    }
    return 0;
}

// One offer while it is read.
struct Reading {
    DeflateOffer offer;
    bool acceptable = true;
    bool server_takeover_seen = false;
    bool client_takeover_seen = false;
};

void take_flag(Reading& reading, bool& seen, bool has_value) {
    reading.acceptable = reading.acceptable && !seen && !has_value;
    seen = true;
}

void take_bits(Reading& reading, uint8_t& bits, uint8_t given, uint8_t least) {
    reading.acceptable = reading.acceptable && bits == 0 && given >= least;
    bits = given;
}

void take_parameter(Reading& reading, std::string_view name, std::string_view value,
                    bool has_value) {
    if (name == "server_no_context_takeover") {
        take_flag(reading, reading.server_takeover_seen, has_value);
    } else if (name == "client_no_context_takeover") {
        take_flag(reading, reading.client_takeover_seen, has_value);
    } else if (name == "server_max_window_bits") {
        take_bits(reading, reading.offer.server_max_window_bits, window_bits(value),
                  kMinDeflateWindowBits);
    } else if (name == "client_max_window_bits") {
        take_bits(reading, reading.offer.client_max_window_bits,
                  has_value ? window_bits(value) : kMaxDeflateWindowBits, kLeastClientBits);
    } else {
        reading.acceptable = false;
    }
}

// The parameters behind an extension's name. False: malformed.
bool take_parameters(Cursor& cursor, Reading& reading) {
    while (cursor.take(';')) {
        const std::string_view name = cursor.token();
        if (name.empty()) {
            return false;
        }
        const bool has_value = cursor.take('=');
        const std::string_view value = has_value ? cursor.value() : std::string_view{};
        if (has_value && value.empty()) {
            return false;
        }
        take_parameter(reading, name, value, has_value);
    }
    return true;
}

void append(DeflateAgreement& agreement, std::string_view text) {
    std::memcpy(agreement.answer + agreement.answer_chars, text.data(), text.size());
    agreement.answer_chars += text.size();
}

void append_bits(DeflateAgreement& agreement, std::string_view name, uint8_t bits) {
    append(agreement, name);
    const char digits[] = {static_cast<char>('0' + bits / 10), static_cast<char>('0' + bits % 10)};
    append(agreement, bits < 10 ? std::string_view(digits + 1, 1) : std::string_view(digits, 2));
}

} // namespace

ExtensionOffers read_extensions(std::string_view value) noexcept {
    ExtensionOffers offers;
    Cursor cursor(value);
    bool any = false;
    do {
        cursor.skip_blanks();
        const std::string_view name = cursor.token();
        if (name.empty()) {
            continue; // an empty element of the list (RFC 7230 section 7)
        }
        any = true;
        Reading reading;
        if (!take_parameters(cursor, reading)) {
            return {.well_formed = false, .deflate = std::nullopt};
        }
        if (name == "permessage-deflate" && reading.acceptable && !offers.deflate) {
            offers.deflate = reading.offer;
        }
    } while (cursor.take(','));
    cursor.skip_blanks();
    if (!any || !cursor.at_end()) {
        return {.well_formed = false, .deflate = std::nullopt};
    }
    return offers;
}

DeflateAgreement agree_on_deflate(const DeflateOffer& offer, uint8_t window_bits) noexcept {
    DeflateAgreement agreement;
    agreement.window_bits = window_bits;
    append(agreement, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    if (offer.server_max_window_bits != 0) {
        agreement.window_bits = std::min(window_bits, offer.server_max_window_bits);
        append_bits(agreement, "; server_max_window_bits=", agreement.window_bits);
    }
    const uint8_t client_bits = std::min(window_bits, offer.client_max_window_bits);
    if (client_bits != 0 && client_bits < kMaxDeflateWindowBits) {
        append_bits(agreement, "; client_max_window_bits=", client_bits);
    }
    return agreement;
}

} // namespace mr
