// What goes wrong with speech, towards the app: the text may be shown to a user and names neither
// key nor host.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace mr::voice {

enum class VoiceFault : uint8_t {
    unavailable, // not here, or not now: no engine, no place left, the provider is away
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

} // namespace mr::voice
