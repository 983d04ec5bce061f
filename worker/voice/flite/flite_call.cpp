#include "worker/voice/flite/flite_call.h"

#include <flite/flite.h>

#include <array>
#include <mutex>

// The voices' libraries have no headers.
extern "C" {
cst_voice* register_cmu_us_slt(const char* directory);
cst_voice* register_cmu_us_rms(const char* directory);
cst_voice* register_cmu_us_awb(const char* directory);
cst_voice* register_cmu_us_kal16(const char* directory);
}

namespace mr::voice {
namespace {

struct Voice {
    std::string_view name;
    cst_voice* (*load)(const char* directory);
};

constexpr std::array kVoices{
    Voice{"slt", register_cmu_us_slt},
    Voice{"rms", register_cmu_us_rms},
    Voice{"awb", register_cmu_us_awb},
    Voice{"kal16", register_cmu_us_kal16},
};

std::mutex flite_lock; // of all that flite shares

// Loaded at its first use, kept by flite for the life of the process.
cst_voice* voice_of(std::string_view name) {
    static const bool ready = [] {
        flite_init();
        return true;
    }();
    for (const Voice& voice : kVoices) {
        if (ready && voice.name == name) {
            return voice.load(nullptr);
        }
    }
    return nullptr;
}

int take(const cst_wave* wave, int start, int size, int, cst_audio_streaming_info* info) {
    const auto& piece = *static_cast<const std::function<bool(PcmView)>*>(info->userdata);
    const PcmView samples(wave->samples + start, static_cast<size_t>(size));
    return samples.empty() || piece(samples) ? CST_AUDIO_STREAM_CONT : CST_AUDIO_STREAM_STOP;
}

} // namespace

bool flite_has_voice(std::string_view name) {
    for (const Voice& voice : kVoices) {
        if (voice.name == name) {
            return true;
        }
    }
    return false;
}

bool flite_speak(const std::string& voice, const std::string& text, double speed,
                 const std::function<bool(PcmView samples)>& piece) {
    const std::scoped_lock lock(flite_lock);
    cst_voice* const speaker = voice_of(voice);
    if (speaker == nullptr) {
        return false;
    }
    cst_audio_streaming_info* const info = new_audio_streaming_info();
    info->asc = take;
    info->userdata = const_cast<std::function<bool(PcmView)>*>(&piece);
    feat_set(speaker->features, "streaming_info", audio_streaming_info_val(info)); // owned by it
    feat_set_float(speaker->features, "duration_stretch", static_cast<float>(1 / speed));
    cst_utterance* const utterance = flite_synth_text(text.c_str(), speaker);
    feat_remove(speaker->features, "streaming_info");
    if (utterance == nullptr) {
        return false;
    }
    delete_utterance(utterance);
    return true;
}

} // namespace mr::voice
