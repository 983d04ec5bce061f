#include "shared/ws_client.h"

#include <cstring>

namespace mr {

const char* WsClient::start(const uint8_t key_random[kWsKeyRandomBytes]) noexcept {
    if (started_) {
        return "started twice";
    }
    started_ = true;
    make_key(key_random, key_);
    const char* problem =
        append_upgrade_request(output_.back(), options_.target, {key_, sizeof(key_)});
    if (problem != nullptr) {
        output_.release();
        state_ = WsClientState::finished;
    }
    return problem;
}

// ---- what the server sends

WsClientEvent WsClient::next(std::span<uint8_t>& input) noexcept {
    if (message_out_) {
        message_.release();
        message_out_ = false;
    }
    if (state_ == WsClientState::connecting) {
        return take_response(input);
    }
    while (state_ == WsClientState::open || state_ == WsClientState::closing) {
        const FrameEvent event = decoder_.next(input, options_.limits);
        WsClientEvent out;
        if (take_event(event, out)) {
            return out;
        }
    }
    input = {};
    return {};
}

WsClientEvent WsClient::take_response(std::span<uint8_t>& input) noexcept {
    WsClientEvent event;
    if (input.empty()) {
        return event;
    }
    const size_t had = head_.size();
    const size_t room = kMaxUpgradeHeadBytes - had;
    const size_t taken = input.size() < room ? input.size() : room;
    if (!head_.append(ByteView(input.data(), taken))) {
        response_ = {};
        response_.verdict = WsUpgrade::broken;
        response_.problem = "out of memory";
    } else {
        response_ = read_upgrade_response(head_.text(), options_.target, {key_, sizeof(key_)});
    }
    switch (response_.verdict) {
    case WsUpgrade::need_more:
        input = {};
        return event;
    case WsUpgrade::accepted:
        input = input.subspan(response_.head_bytes - had);
        subprotocol_ = response_.subprotocol;
        head_.release();
        response_.retry_after = {};
        state_ = WsClientState::open;
        event.kind = WsClientEventKind::upgraded;
        return event;
    case WsUpgrade::refused:
        event.kind = WsClientEventKind::refused;
        event.text = "the server refused the upgrade";
        break;
    case WsUpgrade::broken:
        event.kind = WsClientEventKind::broken;
        event.text = response_.problem;
        break;
    }
    input = {};
    state_ = WsClientState::finished;
    return event;
}

// True if `out` is for the caller.
bool WsClient::take_event(const FrameEvent& event, WsClientEvent& out) noexcept {
    const bool is_open = state_ == WsClientState::open;
    out.opcode = event.opcode;
    out.payload = event.payload;
    switch (event.kind) {
    case EventKind::need_more:
        if (decoder_.reclaim_scratch() != nullptr) {
            scratch_.release();
        }
        return true;
    case EventKind::need_scratch:
        if (lend_scratch()) {
            return false;
        }
        violated(static_cast<uint16_t>(CloseCode::internal_error), "out of memory", out);
        return true;
    case EventKind::data:
        return is_open && take_data(event, out);
    case EventKind::ping:
        if (is_open &&
            append_frame(Opcode::pong, event.payload, true,
                         options_.max_output_bytes + kWsReplyHeadroomBytes) != WsSend::queued) {
            violated(static_cast<uint16_t>(CloseCode::policy_violation),
                     "more pings than their pongs have room", out);
            return true;
        }
        out.kind = WsClientEventKind::ping;
        return is_open;
    case EventKind::pong:
        out.kind = WsClientEventKind::pong;
        return true;
    case EventKind::close:
        take_close(event, out);
        return true;
    case EventKind::error:
        violated(event.close_code, event.error_text, out);
        return true;
    case EventKind::stopped:
        return false;
    }
    return false;
}

bool WsClient::take_data(const FrameEvent& event, WsClientEvent& out) noexcept {
    out.kind = WsClientEventKind::data;
    out.message_start = event.message_start;
    out.message_end = event.message_end;
    if (!options_.whole_messages || (event.message_start && event.message_end)) {
        return true;
    }
    if (!message_.append(ByteView(event.payload))) {
        violated(static_cast<uint16_t>(CloseCode::internal_error), "out of memory", out);
        return true;
    }
    if (!event.message_end) {
        return false;
    }
    message_out_ = true;
    out.message_start = true;
    out.payload = {message_.data(), message_.size()};
    return true;
}

void WsClient::take_close(const FrameEvent& event, WsClientEvent& out) noexcept {
    out.kind = WsClientEventKind::close;
    out.close_code = event.close_code;
    close_received_ = true;
    // Its code comes back (section 5.5.1); one without a code has an answer without a code.
    append_close(CloseCode{event.close_code}, {});
    state_ = WsClientState::lingering;
    message_.release();
}

void WsClient::violated(uint16_t code, const char* text, WsClientEvent& out) noexcept {
    append_close(CloseCode{code}, text);
    state_ = WsClientState::lingering;
    message_.release();
    out = {};
    out.kind = WsClientEventKind::violation;
    out.close_code = code;
    out.text = text;
}

bool WsClient::lend_scratch() noexcept {
    if (scratch_.capacity() < kMaxControlPayloadBytes &&
        !scratch_.grow_to(kMaxControlPayloadBytes)) {
        return false;
    }
    decoder_.lend_scratch(scratch_.data());
    return true;
}

// ---- what we send

WsSend WsClient::append_frame(Opcode opcode, ByteView payload, bool last, size_t bound) noexcept {
    const size_t header_bytes = frame_header_bytes(payload.size(), true);
    if (is_control(opcode) ? payload.size() > kMaxControlPayloadBytes
                           : payload.size() > bound || header_bytes + payload.size() > bound) {
        return WsSend::too_big;
    }
    if (output_.size() > bound || bound - output_.size() < header_bytes + payload.size()) {
        return WsSend::full;
    }
    uint8_t mask[kMaskBytes];
    const uint32_t drawn = masks_.draw(masks_.context);
    std::memcpy(mask, &drawn, sizeof(mask));
    uint8_t header[kMaxFrameHeaderBytes];
    encode_frame_header(header, opcode, last, payload.size(), false, mask);
    uint8_t* at = output_.back().extend(header_bytes + payload.size());
    if (at == nullptr) {
        return WsSend::out_of_memory;
    }
    std::memcpy(at, header, header_bytes);
    if (!payload.empty()) {
        std::memcpy(at + header_bytes, payload.data(), payload.size());
        size_t phase = 0;
        apply_mask({at + header_bytes, payload.size()}, mask, phase);
    }
    return WsSend::queued;
}

WsSend WsClient::send_piece(Opcode opcode, ByteView payload, bool last) noexcept {
    if (state_ != WsClientState::open) {
        return WsSend::not_open;
    }
    const WsSend sent = append_frame(sending_message_ ? Opcode::continuation : opcode, payload,
                                     last, options_.max_output_bytes);
    if (sent == WsSend::queued) {
        sending_message_ = !last;
    }
    return sent;
}

WsSend WsClient::ping(ByteView payload) noexcept {
    if (state_ != WsClientState::open) {
        return WsSend::not_open;
    }
    return append_frame(Opcode::ping, payload, true, options_.max_output_bytes);
}

void WsClient::close(CloseCode code, std::string_view reason) noexcept {
    if (state_ == WsClientState::open) {
        append_close(code, reason);
        state_ = WsClientState::closing;
        message_out_ = true; // and nothing is added to it any more
    }
}

void WsClient::append_close(CloseCode code, std::string_view reason) noexcept {
    if (close_sent_) {
        return;
    }
    uint8_t payload[kMaxControlPayloadBytes];
    const size_t size = encode_close_payload(payload, code, reason);
    // The room for it is what pongs leave, or it goes without: the connection ends either way.
    close_sent_ =
        append_frame(Opcode::close, {payload, size}, true,
                     options_.max_output_bytes + 2 * kWsReplyHeadroomBytes) == WsSend::queued;
}

} // namespace mr
