// What goes wrong with speech, towards the app: the text may be shown to a user and names neither
// key nor host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace mr::voice {

enum class VoiceFault : uint8_t {
    unavailable, // not here, or not now: no engine, no place left, the provider is away
    no_place,    // as many speak as can be heard, or heard as can speak: later
    refused,     // the provider does not take what we are or what we ask: key, plan, voice
    lost,        // was there, broke off, and did not come back in time
    bad_input,   // what is to be spoken or heard cannot be
};

class VoiceError : public std::runtime_error {
  public:
    VoiceError(VoiceFault fault, const std::string& safe_message)
        : std::runtime_error(safe_message), fault_(fault) {}
    VoiceFault fault() const noexcept { return fault_; }

  private:
    VoiceFault fault_;
};

// All `places` of a recogniser are taken.
inline VoiceError all_taken(size_t places) {
    const std::string count =
        places == 1 ? "The only place" : "All " + std::to_string(places) + " places";
    return {VoiceFault::no_place,
            count + (places == 1 ? " for speech is taken" : " for speech are taken") +
                ". Try again in a minute, or type."};
}

// As many answers are being spoken as may be.
inline VoiceError too_many_spoken() {
    return {VoiceFault::no_place,
            "Too many answers are being spoken at the moment. Try again in a minute."};
}

} // namespace mr::voice
