// The receiving half of ws_frame.h: FrameDecoder.
#include "shared/ws_frame.h"

#include <algorithm>
#include <cstring>

namespace mr {

namespace {

constexpr uint8_t kRsv1Bit = 0x40;
constexpr uint8_t kRsv23Bits = 0x30;
constexpr uint8_t kTopBit = 0x80;
constexpr uint8_t kLengthBits = 0x7F;
constexpr uint8_t kLength16 = 126; // the length is in the next two bytes
constexpr uint8_t kLength64 = 127; // the length is in the next eight bytes
constexpr size_t kShortHeaderBytes = 2;

size_t length_field_bytes(uint8_t second_byte) {
    switch (second_byte & kLengthBits) {
    case kLength16:
        return 2;
    case kLength64:
        return 8;
    default:
        return 0;
    }
}

uint64_t read_big_endian(const uint8_t* bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) {
        value = value << 8 | bytes[i];
    }
    return value;
}

} // namespace

FrameEvent FrameDecoder::next(std::span<uint8_t>& input, const FrameLimits& limits) noexcept {
    FrameEvent event;
    if (phase_ == Phase::stopped) {
        event.kind = input.empty() ? EventKind::need_more : EventKind::stopped;
        input = {};
        return event;
    }
    if (phase_ == Phase::header && !take_header(input, limits, event)) {
        return event;
    }
    if (is_control(frame_opcode())) {
        return take_control(input);
    }
    return take_data(input, limits);
}

uint8_t* FrameDecoder::reclaim_scratch() noexcept {
    if (scratch_have_ > 0) {
        return nullptr;
    }
    uint8_t* bytes = scratch_;
    scratch_ = nullptr;
    return bytes;
}

// True when the frame's header is complete. Otherwise `event` says why not: it needs more, or an
// error. The header is checked byte by byte, so that the verdict does not depend on how the input
// was cut and falls before anything later is looked at.
bool FrameDecoder::take_header(std::span<uint8_t>& input, const FrameLimits& limits,
                               FrameEvent& event) noexcept {
    while (!input.empty()) {
        header_[header_have_++] = input.front();
        input = input.subspan(1);
        if (header_have_ == 1) {
            if (!check_first_byte(limits, event)) {
                return false;
            }
            continue;
        }
        const size_t length_end = kShortHeaderBytes + length_field_bytes(header_[1]);
        if (header_have_ == 2 && !check_second_byte(event)) {
            return false;
        }
        if (header_have_ == 3 && length_field_bytes(header_[1]) == 8 &&
            (header_[2] & kTopBit) != 0) {
            event = fail(CloseCode::protocol_error, "frame length has its top bit set");
            return false;
        }
        if (header_have_ == length_end && !check_length(limits, event)) {
            return false;
        }
        if (header_have_ == length_end + (frame_masked() ? kMaskBytes : 0)) {
            begin_frame();
            return true;
        }
    }
    return false;
}

bool FrameDecoder::check_first_byte(const FrameLimits& limits, FrameEvent& event) noexcept {
    const Opcode opcode = frame_opcode();
    const bool rsv1 = (header_[0] & kRsv1Bit) != 0;
    const char* broken = nullptr;
    switch (opcode) {
    case Opcode::continuation:
        broken = in_message() ? nullptr : "continuation frame without a message";
        break;
    case Opcode::text:
    case Opcode::binary:
        broken = in_message() ? "new message inside a fragmented one" : nullptr;
        break;
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
        broken = frame_fin() ? nullptr : "fragmented control frame";
        break;
    default:
        broken = "reserved opcode";
        break;
    }
    // RSV1 marks a compressed message: on its first frame only (RFC 7692 section 6).
    const bool may_have_rsv1 =
        limits.rsv1_allowed && (opcode == Opcode::text || opcode == Opcode::binary);
    if ((header_[0] & kRsv23Bits) != 0 || (rsv1 && !may_have_rsv1)) {
        broken = "reserved bit set";
    }
    if (broken != nullptr) {
        event = fail(CloseCode::protocol_error, broken);
        return false;
    }
    if (!is_control(opcode) && fragments_ >= limits.max_fragments) {
        event = fail(CloseCode::policy_violation, kTooManyFragments);
        return false;
    }
    return true;
}

bool FrameDecoder::check_second_byte(FrameEvent& event) noexcept {
    if (frame_masked() != (role_ == Role::server)) {
        event = fail(CloseCode::protocol_error,
                     role_ == Role::server ? "unmasked frame" : "masked frame");
        return false;
    }
    if (is_control(frame_opcode()) && length_field_bytes(header_[1]) > 0) {
        event = fail(CloseCode::protocol_error, "control frame above 125 bytes");
        return false;
    }
    return true;
}

bool FrameDecoder::check_length(const FrameLimits& limits, FrameEvent& event) noexcept {
    const size_t field_bytes = length_field_bytes(header_[1]);
    if (field_bytes == 0) {
        remaining_bytes_ = header_[1] & kLengthBits;
    } else {
        remaining_bytes_ = read_big_endian(header_ + kShortHeaderBytes, field_bytes);
        if (frame_header_bytes(remaining_bytes_, false) != kShortHeaderBytes + field_bytes) {
            event = fail(CloseCode::protocol_error, "frame length is not in its shortest form");
            return false;
        }
    }
    if (is_control(frame_opcode())) {
        return true;
    }
    if (remaining_bytes_ > limits.max_frame_bytes) {
        event = fail(CloseCode::message_too_big, kFrameTooBig);
        return false;
    }
    if (message_bytes_ > limits.max_message_bytes ||
        remaining_bytes_ > limits.max_message_bytes - message_bytes_) {
        event = fail(CloseCode::message_too_big, kMessageTooBig);
        return false;
    }
    return true;
}

void FrameDecoder::begin_frame() noexcept {
    phase_ = Phase::payload;
    mask_phase_ = 0;
    if (is_control(frame_opcode())) {
        return;
    }
    message_bytes_ += remaining_bytes_;
    ++fragments_;
    if (!in_message()) {
        message_opcode_ = frame_opcode();
        message_compressed_ = (header_[0] & kRsv1Bit) != 0;
        message_started_ = false;
        utf8_ = {};
    }
}

void FrameDecoder::end_frame() noexcept {
    phase_ = Phase::header;
    header_have_ = 0;
}

FrameEvent FrameDecoder::take_data(std::span<uint8_t>& input, const FrameLimits& limits) noexcept {
    FrameEvent event;
    if (input.empty() && remaining_bytes_ > 0) {
        return event;
    }
    event.kind = EventKind::data;
    event.opcode = message_opcode_;
    event.compressed = message_compressed_;
    event.message_start = !message_started_;
    event.payload = take_payload(input);
    event.frame_end = remaining_bytes_ == 0;
    event.message_end = event.frame_end && frame_fin();
    message_started_ = true;

    if (message_opcode_ == Opcode::text && !message_compressed_ && limits.validate_utf8) {
        if (utf8_feed(utf8_, event.payload) < event.payload.size()) {
            return fail(CloseCode::invalid_payload, "text is not UTF-8");
        }
        if (event.message_end && !utf8_complete(utf8_)) {
            return fail(CloseCode::invalid_payload, "text ends inside a code point");
        }
    }
    if (event.frame_end) {
        end_frame();
    }
    if (event.message_end) {
        message_opcode_ = Opcode{};
        message_bytes_ = 0;
        fragments_ = 0;
    }
    return event;
}

FrameEvent FrameDecoder::take_control(std::span<uint8_t>& input) noexcept {
    FrameEvent event;
    if (input.empty() && remaining_bytes_ > 0) {
        return event;
    }
    if (scratch_have_ == 0 && input.size() >= remaining_bytes_) {
        return finish_control(take_payload(input)); // whole, as nearly always: in place
    }
    if (scratch_ == nullptr) {
        event.kind = EventKind::need_scratch;
        return event;
    }
    const std::span<uint8_t> piece = take_payload(input);
    std::memcpy(scratch_ + scratch_have_, piece.data(), piece.size());
    scratch_have_ = static_cast<uint8_t>(scratch_have_ + piece.size());
    if (remaining_bytes_ > 0) {
        return event;
    }
    const std::span<uint8_t> payload(scratch_, scratch_have_);
    scratch_have_ = 0;
    return finish_control(payload);
}

FrameEvent FrameDecoder::finish_control(std::span<uint8_t> payload) noexcept {
    const Opcode opcode = frame_opcode();
    if (opcode == Opcode::close) {
        return finish_close(payload);
    }
    end_frame();
    FrameEvent event;
    event.kind = opcode == Opcode::ping ? EventKind::ping : EventKind::pong;
    event.opcode = opcode;
    event.payload = payload;
    return event;
}

FrameEvent FrameDecoder::finish_close(std::span<uint8_t> payload) noexcept {
    FrameEvent event;
    event.kind = EventKind::close;
    event.opcode = Opcode::close;
    event.close_code = static_cast<uint16_t>(CloseCode::no_status_received);
    if (payload.size() == 1) {
        return fail(CloseCode::protocol_error, "close frame with one byte of payload");
    }
    if (!payload.empty()) {
        event.close_code = static_cast<uint16_t>(read_big_endian(payload.data(), 2));
        event.payload = payload.subspan(2);
        if (!close_code_valid_on_wire(event.close_code)) {
            return fail(CloseCode::protocol_error, "close code may not be sent");
        }
        if (!utf8_valid(event.payload)) {
            return fail(CloseCode::invalid_payload, "close reason is not UTF-8");
        }
    }
    stop();
    return event;
}

// Takes what there is of the frame's payload off the input and unmasks it.
std::span<uint8_t> FrameDecoder::take_payload(std::span<uint8_t>& input) noexcept {
    const auto size = static_cast<size_t>(std::min<uint64_t>(input.size(), remaining_bytes_));
    const std::span<uint8_t> piece = input.first(size);
    input = input.subspan(size);
    remaining_bytes_ -= size;
    if (frame_masked()) {
        size_t phase = mask_phase_;
        apply_mask(piece, header_ + header_have_ - kMaskBytes, phase);
        mask_phase_ = static_cast<uint8_t>(phase);
    }
    return piece;
}

FrameEvent FrameDecoder::fail(CloseCode code, const char* text) noexcept {
    stop();
    FrameEvent event;
    event.kind = EventKind::error;
    event.close_code = static_cast<uint16_t>(code);
    event.error_text = text;
    return event;
}

void FrameDecoder::stop() noexcept {
    phase_ = Phase::stopped;
    remaining_bytes_ = 0;
    scratch_have_ = 0;
    message_opcode_ = Opcode{};
}

} // namespace mr
