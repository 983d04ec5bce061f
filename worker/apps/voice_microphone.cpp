#include "worker/apps/voice_microphone.h"

#include "worker/log.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {

voice::Pcm samples_of(ByteView bytes) {
    voice::Pcm samples(bytes.size() / 2);
    for (size_t i = 0; i < samples.size(); ++i) {
        samples[i] = static_cast<voice::Sample>(load_le<uint16_t>(bytes.data() + 2 * i));
    }
    return samples;
}

} // namespace

std::shared_ptr<VoiceMicrophone> VoiceMicrophone::make(const asio::any_io_executor& executor,
                                                       const VoiceServices& services,
                                                       MicrophoneOwner& owner, VoiceMessage setup) {
    return std::shared_ptr<VoiceMicrophone>(
        new VoiceMicrophone(executor, services, owner, std::move(setup)));
}

void VoiceMicrophone::open() {
    watch_silence(services_.options.silence_limit);
    asio::co_spawn(
        executor_, [self = shared_from_this()] { return self->run(); },
        asio::bind_cancellation_slot(cancellation_.slot(), asio::detached));
}

VoiceMicrophone::VoiceMicrophone(const asio::any_io_executor& executor,
                                 const VoiceServices& services, MicrophoneOwner& owner,
                                 VoiceMessage setup)
    : executor_(executor), services_(services), owner_(&owner), setup_(std::move(setup)),
      base_ms_(setup_.from_ms), silence_(executor) {
    if (setup_.sample_rate == voice::kVoiceRate) {
        return;
    }
    if (!services.resampler) {
        throw voice::VoiceError(voice::VoiceFault::bad_input,
                                "Audio is taken at 16000 samples a second only");
    }
    resample_ = services.resampler(setup_.sample_rate);
}

// --- sound ------------------------------------------------------------------------------------

VoiceMicrophone::Took VoiceMicrophone::audio(ByteView pcm) {
    const uint64_t samples = pcm.size() / 2;
    const auto most = voice::to_samples(kMaxVoiceFrameMs, setup_.sample_rate);
    if (pcm.empty() || pcm.size() % 2 != 0 || samples > most) {
        return Took::bad_length;
    }
    if (released_) {
        return Took::taken; // was on its way
    }
    watch_silence(services_.options.silence_limit);
    received_ += samples;
    heard_at_ = Clock::now();
    voice::Pcm heard = samples_of(pcm);
    if (resample_) {
        voice::Pcm resampled;
        resample_(heard, resampled);
        heard = std::move(resampled);
    }
    arrivals_.push_back({given_ + heard.size(), heard_at_});
    if (arrivals_.size() > kMaxArrivals) {
        arrivals_.pop_front();
    }
    const bool taken = give(heard);
    given_ += heard.size();
    return taken ? Took::taken : Took::overrun;
}

bool VoiceMicrophone::give(voice::PcmView samples) {
    if (samples.empty()) {
        return true;
    }
    if (stream_) {
        return stream_->audio(samples);
    }
    if (opening_.size() + samples.size() > voice::to_samples(kMaxOpeningMs)) {
        return false;
    }
    opening_.insert(opening_.end(), samples.begin(), samples.end());
    return true;
}

void VoiceMicrophone::skip_to(int64_t ms) {
    watch_silence(services_.options.silence_limit);
    const int64_t gap = ms - received_ms();
    if (gap > 0) {
        base_ms_ += gap; // places of what was heard before it are told already
    }
}

int64_t VoiceMicrophone::received_ms() const {
    return base_ms_ + voice::to_ms(received_, setup_.sample_rate);
}

VoiceMicrophone::Clock::time_point VoiceMicrophone::arrived(uint64_t at) const {
    for (const Arrival& arrival : arrivals_) {
        if (arrival.at >= at) {
            return arrival.time;
        }
    }
    return Clock::now();
}

void VoiceMicrophone::release() {
    if (released_) {
        return;
    }
    released_ = true;
    watch_silence(kFinishLimit);
    if (stream_) {
        stream_->release();
    }
}

void VoiceMicrophone::close() {
    owner_ = nullptr;
    released_ = true;
    silence_.cancel();
    if (!done_) {
        cancellation_.emit(asio::cancellation_type::terminal);
    }
}

// One timer: while it is open for sound that does not come, then for a transcript.
void VoiceMicrophone::watch_silence(std::chrono::milliseconds limit) {
    silence_.expires_after(limit);
    silence_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self != nullptr && self->owner_ != nullptr) {
            log::info("a microphone is closed, nothing comes of it any more",
                      {{"released", self->released_}});
            self->closed({});
        }
    });
}

// --- what is heard ----------------------------------------------------------------------------

asio::awaitable<void> VoiceMicrophone::run() {
    const auto self = shared_from_this();
    std::string why;
    try {
        co_await listen();
    } catch (const voice::VoiceError& error) {
        why = error.what();
    } catch (const boost::system::system_error& error) {
        why = owner_ != nullptr ? "Recognition has ended" : "";
    } catch (const std::exception& error) {
        log::error("recognition failed", {{"cause", error.what()}});
        why = "Recognition has failed";
    }
    done_ = true;
    stream_.reset();
    closed(std::move(why));
}

asio::awaitable<void> VoiceMicrophone::listen() {
    voice::RecognitionOptions options;
    options.mode =
        setup_.push_to_talk ? voice::TalkMode::push_to_talk : voice::TalkMode::hands_free;
    options.language = setup_.language;
    stream_ = co_await services_.recogniser->open(std::move(options));
    if (owner_ == nullptr) {
        co_return;
    }
    owner_->microphone_open(*this);
    if (!opening_.empty()) {
        stream_->audio(opening_);
        opening_ = voice::Pcm();
    }
    if (released_) {
        stream_->release();
    }
    while (owner_ != nullptr) {
        const voice::RecognitionEvent event = co_await stream_->next();
        const bool last = ends_it(event);
        if (owner_ != nullptr) {
            owner_->microphone_heard(*this, event);
        }
        if (last) {
            co_return;
        }
    }
}

// Behind release() the utterance that was under way is the last one.
bool VoiceMicrophone::ends_it(const voice::RecognitionEvent& event) const {
    const auto* transcript = std::get_if<voice::Transcript>(&event);
    return released_ && (std::holds_alternative<voice::SpeechDropped>(event) ||
                         (transcript != nullptr && transcript->final));
}

void VoiceMicrophone::closed(std::string why) {
    silence_.cancel();
    MicrophoneOwner* owner = std::exchange(owner_, nullptr);
    if (owner != nullptr) {
        const auto self = shared_from_this();
        owner->microphone_closed(*this, std::move(why));
        close();
    }
}

} // namespace mr
