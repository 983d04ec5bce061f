#include "shared/ws_frame.h"

#include <algorithm>
#include <cstring>

namespace mr {

namespace {

constexpr uint8_t kFinBit = 0x80;
constexpr uint8_t kRsv1Bit = 0x40;
constexpr uint8_t kMaskedBit = 0x80;
constexpr uint8_t kLength16 = 126; // the length is in the next two bytes
constexpr uint8_t kLength64 = 127; // the length is in the next eight bytes

void write_big_endian(uint8_t* bytes, size_t count, uint64_t value) {
    for (size_t i = count; i-- > 0; value >>= 8) {
        bytes[i] = static_cast<uint8_t>(value);
    }
}

bool is_continuation_byte(char c) {
    return (static_cast<uint8_t>(c) & 0xC0) == 0x80;
}

} // namespace

bool close_code_valid_on_wire(uint16_t code) noexcept {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

size_t encode_frame_header(uint8_t out[kMaxFrameHeaderBytes], Opcode opcode, bool fin,
                           uint64_t payload_bytes, bool rsv1, const uint8_t* mask) noexcept {
    out[0] = static_cast<uint8_t>((fin ? kFinBit : 0) | (rsv1 ? kRsv1Bit : 0) |
                                  static_cast<uint8_t>(opcode));
    const uint8_t masked = mask != nullptr ? kMaskedBit : 0;
    const size_t length_end = frame_header_bytes(payload_bytes, false);
    if (length_end == 2) {
        out[1] = static_cast<uint8_t>(masked | payload_bytes);
    } else {
        out[1] = masked | (length_end == 4 ? kLength16 : kLength64);
        write_big_endian(out + 2, length_end - 2, payload_bytes);
    }
    if (mask == nullptr) {
        return length_end;
    }
    std::memcpy(out + length_end, mask, kMaskBytes);
    return length_end + kMaskBytes;
}

size_t encode_close_payload(uint8_t out[kMaxControlPayloadBytes], CloseCode code,
                            std::string_view reason) noexcept {
    const auto value = static_cast<uint16_t>(code);
    if (!close_code_valid_on_wire(value)) {
        return 0;
    }
    write_big_endian(out, 2, value);
    size_t fits = std::min(reason.size(), kMaxCloseReasonBytes);
    if (fits < reason.size()) {
        while (fits > 0 && is_continuation_byte(reason[fits])) {
            --fits;
        }
    }
    if (fits > 0) {
        std::memcpy(out + 2, reason.data(), fits);
    }
    return 2 + fits;
}

void apply_mask(std::span<uint8_t> bytes, const uint8_t mask[kMaskBytes], size_t& phase) noexcept {
    uint8_t turned[sizeof(uint64_t)]; // the mask twice, from where the payload stands
    for (size_t i = 0; i < sizeof turned; ++i) {
        turned[i] = mask[(phase + i) % kMaskBytes];
    }
    uint64_t key;
    std::memcpy(&key, turned, sizeof key);

    uint8_t* data = bytes.data();
    size_t left = bytes.size();
    for (; left >= sizeof key; data += sizeof key, left -= sizeof key) {
        uint64_t block;
        std::memcpy(&block, data, sizeof block);
        block ^= key;
        std::memcpy(data, &block, sizeof block);
    }
    for (size_t i = 0; i < left; ++i) {
        data[i] ^= turned[i];
    }
    phase = (phase + bytes.size()) % kMaskBytes;
}

} // namespace mr
