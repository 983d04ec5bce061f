// The proper names that people say in their questions, by what they stand for: what a small
// language model is made of, and what transcripts are put right to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mr::voice {

struct SpeechNames {
    std::vector<std::string> projects;  // with their short names
    std::vector<std::string> companies; // vendors and clients
    std::vector<std::string> people;
    std::vector<std::string> places;
    std::vector<std::string> trades;

    std::vector<std::string> all() const;
};

// Those of the embedded company.
SpeechNames demo_names();

// The names, and words of the trade that questions are about, for a recogniser of general English
// that hears something commoner in their place ("in voices").
std::vector<std::string> likely_phrases(const SpeechNames& names);

// As it is spoken: words in lower case, one blank between them, "St." as "saint". Empty when it has
// digits or letters of other alphabets in it.
std::string spoken_form(std::string_view written);

// "twenty twenty five" as 2025 and "q three" as Q3: numbers that the company's data is asked by.
std::string written_years(std::string_view spoken);

} // namespace mr::voice
