#include "worker/voice/deepgram/audio_window.h"

#include "worker/voice/deepgram/options.h"

#include <algorithm>
#include <utility>

namespace mr::voice::deepgram {
namespace {

constexpr size_t kUsualLimit = to_samples(kMaxRecogniserBacklogMs);
constexpr size_t kPieceSamples = to_samples(kMaxFrameMs); // small ones are joined up to this

constexpr size_t kUnevenness = to_samples(1'000); // of what comes and goes

} // namespace

bool AudioWindow::append(PcmView samples) {
    if (samples.empty()) {
        return true;
    }
    const uint64_t at = end_;
    end_ += samples.size();
    const size_t waiting = unsent_before(at);
    limit_ = std::max(kUsualLimit, std::min(limit_, waiting + samples.size() + kUnevenness));
    if (waiting + samples.size() > limit_) {
        return false;
    }
    if (!pieces_.empty()) {
        Piece& last = pieces_.back();
        if (last.at + last.samples.size() == at &&
            last.samples.size() + samples.size() <= kPieceSamples) {
            last.samples.insert(last.samples.end(), samples.begin(), samples.end());
            return true;
        }
    }
    pieces_.push_back({at, Pcm(samples.begin(), samples.end())});
    return true;
}

size_t AudioWindow::unsent_before(uint64_t place) const {
    size_t count = 0;
    for (auto piece = pieces_.rbegin(); piece != pieces_.rend(); ++piece) {
        const uint64_t end = std::min(piece->at + piece->samples.size(), place);
        const uint64_t begin = std::max(piece->at, sent_);
        if (piece->at + piece->samples.size() <= sent_) {
            break;
        }
        count += end > begin ? end - begin : 0;
    }
    return count;
}

AudioWindow::Piece AudioWindow::take(size_t max_samples, uint64_t not_beyond) {
    Piece out;
    for (const Piece& piece : pieces_) {
        const uint64_t end = std::min(piece.at + piece.samples.size(), not_beyond);
        const uint64_t begin = std::max(piece.at, sent_);
        const bool joins = out.samples.empty() || out.at + out.samples.size() == piece.at;
        if (piece.at >= not_beyond || !joins || out.samples.size() >= max_samples) {
            break;
        }
        if (begin >= end) {
            continue;
        }
        if (out.samples.empty()) {
            out.at = begin;
        }
        const size_t count = std::min<size_t>(end - begin, max_samples - out.samples.size());
        const auto from = piece.samples.begin() + static_cast<std::ptrdiff_t>(begin - piece.at);
        out.samples.insert(out.samples.end(), from, from + static_cast<std::ptrdiff_t>(count));
    }
    if (!out.samples.empty()) {
        sent_ = out.at + out.samples.size();
        const uint64_t kept = to_samples(kReplayMs);
        drop_before(sent_ > kept ? sent_ - kept : 0);
    }
    return out;
}

void AudioWindow::cover(uint64_t place) {
    drop_before(std::min(place, sent_));
}

void AudioWindow::drop_before(uint64_t place) {
    while (!pieces_.empty() && pieces_.front().at < place) {
        Piece& first = pieces_.front();
        if (first.at + first.samples.size() > place) {
            const auto begin = first.samples.begin();
            first.samples.erase(begin, begin + static_cast<std::ptrdiff_t>(place - first.at));
            first.at = place;
            return;
        }
        pieces_.pop_front();
    }
}

void AudioWindow::rewind() {
    if (!pieces_.empty()) {
        sent_ = std::min(sent_, pieces_.front().at);
    }
    limit_ = std::max(kUsualLimit, unsent() + to_samples(kMaxFrameMs));
}

void ConnectionClock::sent(uint64_t at, size_t samples) {
    if (runs_.empty() || next_ != at) {
        runs_.push_back({sent_, at});
        if (runs_.size() > kMaxRuns) {
            runs_.pop_front();
        }
    }
    sent_ += samples;
    next_ = at + samples;
}

uint64_t ConnectionClock::place(double seconds) const {
    const auto samples = static_cast<uint64_t>(seconds * kVoiceRate + 0.5);
    // The end of a run belongs to it, not to the one that follows: words end there.
    const Run* in = nullptr;
    for (const Run& run : runs_) {
        if (in == nullptr || run.sent < samples) {
            in = &run;
        }
    }
    if (in == nullptr) {
        return samples;
    }
    return in->at + (samples > in->sent ? samples - in->sent : 0);
}

} // namespace mr::voice::deepgram
