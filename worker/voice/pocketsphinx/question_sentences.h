// Questions about the company as people speak them: templates with names put in, for a language
// model to be made of. Numbers are words, everything is in lower case.
#pragma once

#include "worker/voice/names.h"

#include <string>
#include <vector>

namespace mr::voice {

inline constexpr size_t kMaxSentences = 100'000;

std::vector<std::string> question_sentences(const SpeechNames& names);

// The same with years in digits, and the names and words of the trade alone: for a recogniser of
// general English, which hears something commoner in their place ("in voices").
std::vector<std::string> likely_texts(const SpeechNames& names);

} // namespace mr::voice
