// A response of sound as it comes: bytes to samples, whatever the boundaries of its pieces, and the
// stream held up while enough waits to be heard. What is no sound is kept as the words of an error.
#pragma once

#include "worker/net/http_client.h"
#include "worker/voice/speech_queue.h"

#include <memory>
#include <string>
#include <string_view>

namespace mr::voice::elevenlabs {

inline constexpr std::size_t kMaxErrorBytes = 16 * 1024;

class PcmReceiver final : public net::HttpReceiver {
  public:
    PcmReceiver(std::shared_ptr<SpeechQueue> queue, uint32_t segment)
        : queue_(std::move(queue)), segment_(segment) {}

    void head(const net::HttpHead& head) override;
    Flow body(std::string_view piece) override;

    // Somebody has taken sound: goes on if there is room.
    void room();

    const net::HttpHead& head() const { return head_; }
    bool sound() const { return sound_; } // is what the response has
    bool heard() const { return heard_; } // some of it is in the queue
    const std::string& error() const { return error_; }

  private:
    std::shared_ptr<SpeechQueue> queue_;
    uint32_t segment_;
    net::HttpHead head_;
    bool sound_ = false;
    bool heard_ = false;
    bool paused_ = false;
    bool half_ = false; // a byte of a sample has come without the other
    unsigned char low_ = 0;
    std::string error_;
};

} // namespace mr::voice::elevenlabs
