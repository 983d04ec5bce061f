// Speech for the tests of recognisers: sentences spoken by flite (Debian's package), at 16 kHz, and
// how far a transcript is from them. Sound that is none, too.
#pragma once

#include "worker/voice/audio.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mr::test::speech {

// Where ./mr test has put library and weights; MR_VOICE_DIR names another folder.
std::filesystem::path voice_files();

// What the tests lack on this machine, with the cure; empty: nothing.
std::string voice_lacks();

// `text` by a voice of flite's ("slt", "rms", "awb", "kal16"): plain words without quotes.
voice::Pcm spoken(std::string_view text, std::string_view voice = "slt");

// The same each time; `peak` of full scale.
voice::Pcm noise(int64_t ms, double peak);
voice::Pcm silence(int64_t ms);

// Words that have to be put in, left out or changed, by the number of words meant. Case and
// punctuation do not matter.
double word_error_rate(std::string_view meant, std::string_view heard);

} // namespace mr::test::speech
