#include "bench/load/session.h"

#include "bench/load/clock.h"

#include <algorithm>

namespace mr::bench {
namespace {

// JSON's string escapes, for questions of any text.
void append_json_string(std::string& out, std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

} // namespace

void Exactness::add(const Exactness& other) {
    repeated += other.repeated;
    gaps += other.gaps;
    text_gaps += other.text_gaps;
    wrong_ends += other.wrong_ends;
    not_recovered += other.not_recovered;
}

void Session::open() {
    std::string offer = "mr.v2";
    if (!token_.empty()) {
        offer +=
            ", mr.resume." + token_ + "." + std::to_string(epoch_) + "-" + std::to_string(seq_);
    }
    ready_ = false;
    client_.connect(std::move(offer));
}

bool Session::ask(std::string_view question, int64_t planned_ns) {
    if (!ready()) {
        return false;
    }
    std::string message = R"({"type":"ask","message_id":"q)";
    message += std::to_string(++asked_) + R"(","message":)";
    append_json_string(message, question);
    message += "}";
    expect_turn(planned_ns);
    unacknowledged_ = std::move(message);
    client_.send(unacknowledged_); // or again after the next greeting
    return true;
}

void Session::expect_turn(int64_t planned_ns) {
    turn_ = Turn();
    turn_.planned = planned_ns;
    turn_.asked = now_ns();
    units_ = 0;
    snapshot_ = false;
    asking_ = true;
}

void Session::leave() {
    client_.close();
}

void Session::vanish() {
    client_.reset();
    ready_ = false;
}

void Session::forget() {
    token_.clear();
    unacknowledged_.clear();
    epoch_ = seq_ = 0;
    asking_ = false;
    was_open_ = false;
}

void Session::client_text(Client&, std::string_view message) {
    EventView event;
    if (!read_event(message, event)) {
        ++exactness_.wrong_ends;
        return;
    }
    const int64_t now = now_ns();
    if (event.type == "connected") {
        return greeted(event);
    }
    if (event.epoch != 0 && !take_id(event)) {
        return;
    }
    if (asking_ && turn_.first_event == 0) {
        turn_.first_event = now;
    }
    owner_.session_event(*this, event, now);
    if (event.type == "turn_start") {
        unacknowledged_.clear();
    } else if (event.type == "text_chunk") {
        take_text(event, now);
    } else if (event.type == "text_snapshot") {
        units_ = utf16_units(event.content);
        snapshot_ = true;
    } else if (event.type == "response_complete") {
        take_end(event, now);
    }
}

void Session::client_binary(Client&, std::span<const uint8_t> bytes) {
    owner_.session_sound(*this, bytes, now_ns());
}

void Session::greeted(const EventView& event) {
    const bool again = was_open_;
    if (!event.resume_token.empty()) {
        token_ = event.resume_token;
    }
    if (again && !event.recovered) {
        ++exactness_.not_recovered;
        epoch_ = seq_ = 0;
    }
    was_open_ = true;
    ready_ = true;
    if (!unacknowledged_.empty()) {
        client_.send(unacknowledged_);
    }
    owner_.session_ready(*this, again);
}

bool Session::take_id(const EventView& event) {
    if (event.epoch < epoch_ || (event.epoch == epoch_ && event.seq <= seq_)) {
        ++exactness_.repeated;
        return false;
    }
    if (event.epoch == epoch_ && event.seq != seq_ + 1 && event.type != "text_snapshot") {
        ++exactness_.gaps;
    }
    epoch_ = event.epoch;
    seq_ = event.seq;
    return true;
}

void Session::take_text(const EventView& event, int64_t now) {
    if (!asking_) {
        return;
    }
    if (event.offset >= 0 && static_cast<uint64_t>(event.offset) != units_) {
        ++exactness_.text_gaps;
        units_ = static_cast<uint64_t>(event.offset);
    }
    units_ += utf16_units(event.content);
    int64_t since = 0;
    if (turn_.first_text == 0) {
        turn_.first_text = now;
    } else {
        since = now - turn_.last_text;
        turn_.longest_gap = std::max(turn_.longest_gap, since);
    }
    turn_.last_text = now;
    ++turn_.chunks;
    owner_.session_chunk(*this, event, now, since);
}

void Session::take_end(const EventView& event, int64_t now) {
    if (!asking_) {
        return;
    }
    if (event.text_length >= 0 && static_cast<uint64_t>(event.text_length) != units_ &&
        !snapshot_) {
        ++exactness_.wrong_ends;
    }
    asking_ = false;
    turn_.ended = now;
    turn_.ok = event.status.empty() || event.status == "ok";
    owner_.session_turn_over(*this);
}

void Session::client_ended(Client&, const std::string& why) {
    ready_ = false;
    turn_.interruptions += asking_ ? 1 : 0;
    owner_.session_lost(*this, why);
}

} // namespace mr::bench
