// Decodes server-sent events from bytes that come in pieces of any size (WHATWG HTML section 9.2,
// "Server-sent events"). Pure: no I/O, no JSON. Remote input: bounded, nothing of it is trusted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mr::net {

inline constexpr std::size_t kMaxSseEventBytes = 1024 * 1024; // of one event, its lines together

// The views live during the call only.
struct SseEvent {
    std::string_view type; // "message" unless the stream says otherwise
    std::string_view data; // lines joined with LF; bytes as they came
    std::string_view id;   // the last one the stream has named
};

using SseSink = std::function<void(const SseEvent& event)>;

class SseDecoder {
  public:
    explicit SseDecoder(std::size_t max_event_bytes = kMaxSseEventBytes)
        : max_event_bytes_(max_event_bytes) {}

    // Calls the sink for every event that is complete. False: an event is larger than the bound;
    // the stream cannot be read any further. What the sink throws passes; the decoder is then done.
    [[nodiscard]] bool feed(std::string_view bytes, const SseSink& sink);

    // At the end of the stream: an event that lacks its blank line, or the end of its last line.
    // The standard drops it; some providers end their streams so, and the caller sees whether it is
    // whole.
    void finish(const SseSink& sink);

    // What the stream has asked for as the time before a reconnect, in ms.
    std::optional<std::uint64_t> retry_ms() const { return retry_ms_; }

  private:
    bool keep(std::string_view part);
    void end_line(const SseSink& sink);
    void field(std::string_view name, std::string_view value);
    void dispatch(const SseSink& sink);

    std::size_t max_event_bytes_;
    std::string line_; // the beginning of one that has not ended yet
    std::string data_;
    std::string type_;
    std::string id_;
    std::optional<std::uint64_t> retry_ms_;
    bool first_line_ = true; // a byte order mark may precede it
    bool after_cr_ = false;  // an LF that comes next belongs to it
    bool failed_ = false;
};

} // namespace mr::net
