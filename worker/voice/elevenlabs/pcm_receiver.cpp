#include "worker/voice/elevenlabs/pcm_receiver.h"

#include <algorithm>

namespace mr::voice::elevenlabs {

void PcmReceiver::head(const net::HttpHead& head) {
    head_ = head;
    const std::string_view type = head.header("content-type");
    const bool words = type.starts_with("application/json") || type.starts_with("text/");
    sound_ = head.status == 200 && !words;
}

net::HttpReceiver::Flow PcmReceiver::body(std::string_view piece) {
    if (!sound_) {
        error_ += piece.substr(0, kMaxErrorBytes - error_.size());
        return error_.size() >= kMaxErrorBytes ? Flow::enough : Flow::go_on;
    }
    if (!queue_->room()) {
        paused_ = true;
        return Flow::pause;
    }
    Pcm samples;
    samples.reserve(piece.size() / 2 + 1);
    for (const char c : piece) { // little endian
        const auto byte = static_cast<unsigned char>(c);
        if (half_) {
            samples.push_back(static_cast<Sample>(static_cast<uint16_t>(low_ | (byte << 8))));
        } else {
            low_ = byte;
        }
        half_ = !half_;
    }
    heard_ = heard_ || !samples.empty();
    queue_->put(segment_, std::move(samples), false);
    return Flow::go_on;
}

void PcmReceiver::room() {
    if (paused_ && queue_->room()) {
        paused_ = false;
        resume();
    }
}

} // namespace mr::voice::elevenlabs
