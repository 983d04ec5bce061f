// Some servers end a stream of server-sent events with an error as bare JSON, on lines of its own
// without "data:". RawTail stands beside the decoder, which ignores such lines, and keeps them: no
// line of an event stream begins with a bracket. Pure; bounded.
#pragma once

#include <string>
#include <string_view>

namespace mr::model {

inline constexpr std::size_t kMaxRawTailBytes = 16 * 1024;

class RawTail {
  public:
    void feed(std::string_view bytes) {
        for (std::size_t at = 0; at < bytes.size() && text_.empty(); ++at) {
            const char c = bytes[at];
            if (line_start_ && (c == '{' || c == '[')) {
                keep(bytes.substr(at));
                return;
            }
            line_start_ = c == '\n' || c == '\r';
        }
        if (!text_.empty()) {
            keep(bytes);
        }
    }
    // From the first such line to the end of the stream; empty when there is none.
    const std::string& text() const { return text_; }

  private:
    void keep(std::string_view bytes) { text_ += bytes.substr(0, kMaxRawTailBytes - text_.size()); }

    std::string text_;
    bool line_start_ = true;
};

} // namespace mr::model
