// What is told while there is nothing of the answer yet: in a few words, or by a chime.
#include "worker/apps/voice_speaker.h"
#include "worker/json_text.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace mr {

void VoiceSpeaker::doing(std::string_view message) {
    while (message.ends_with('.')) {
        message.remove_suffix(1);
    }
    doing_ = text_within(message, voice::kMaxSegmentBytes / 2);
}

void VoiceSpeaker::watch_progress(std::chrono::milliseconds time) {
    if (services_.options.progress == SpokenProgress::off ||
        progress_told_ >= services_.options.max_progress) {
        return;
    }
    progress_.expires_after(time);
    progress_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self != nullptr) {
            self->tell_progress();
        }
    });
}

// The answer itself has not begun, or there is nothing to tell.
void VoiceSpeaker::tell_progress() {
    const bool begun = ended_ || taken_bytes_ > 0;
    if (stopped_ || done_ || begun) {
        return;
    }
    if (!held_ && waiting_.empty() && saying_.empty()) {
        if (services_.options.progress == SpokenProgress::chime) {
            ++progress_told_;
            chime();
        } else if (!doing_.empty()) {
            ++progress_told_;
            VoiceClause clause;
            clause.spoken = clause.caption = std::exchange(doing_, {});
            waiting_.push_back({std::move(clause), true});
            say_more();
            wake_.notify();
        }
    }
    watch_progress(services_.options.progress_every);
}

// Two soft notes, a segment without words.
void VoiceSpeaker::chime() {
    constexpr double kNotes[] = {659.26, 880.0}; // Hz: E5, A5
    constexpr double kLoudness = 3'000;
    constexpr int64_t kNoteMs = 120;
    Saying saying;
    saying.progress = true;
    begin_segment(saying);
    const uint64_t count = voice::to_samples(kNoteMs, rate_);
    for (const double note : kNotes) {
        for (uint64_t i = 0; i < count; ++i) {
            const double place = static_cast<double>(i) / static_cast<double>(count);
            const double shape = std::sin(place * std::numbers::pi); // in and out without a click
            const double wave =
                std::sin(2 * std::numbers::pi * note * static_cast<double>(i) / rate_);
            piece_.push_back(static_cast<voice::Sample>(kLoudness * shape * wave));
        }
        send_piece();
    }
    end_segment(false);
}

} // namespace mr
