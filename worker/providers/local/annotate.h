// Finds the proper names in a question: projects by any of their names, and the vocabulary's other
// terms; exact, misspelt, or shortened. Pure; decides nothing about their meaning.
#pragma once

#include "worker/providers/local/text.h"
#include "worker/providers/local/vocabulary.h"

#include <optional>
#include <string>
#include <vector>

namespace mr::local {

struct Span {
    std::size_t first = 0; // word index
    std::size_t last = 0;  // behind the last word
    bool project = false;
    const Term* term = nullptr; // when it is no project

    bool covers(std::size_t word) const noexcept { return first <= word && word < last; }
};

// A question with what is known about its words.
struct Reading {
    std::string text;
    std::vector<Word> words;
    std::vector<Span> spans; // in order, not overlapping

    bool covered(std::size_t word) const noexcept;
    std::string surface(std::size_t first, std::size_t last) const; // as written
};

Reading read_question(std::string_view text, const Vocabulary& vocabulary);

// Names in the question that look like a project's but are none we know ("the Neptune Tower").
// With `figures` asked for, any capitals behind "for" or "on" do.
std::vector<std::string> unknown_names(const Reading& reading, bool figures);

// The candidates for one name, best first, at most kMaxCandidates, likeness of 0.5 or more.
inline constexpr std::size_t kMaxCandidates = 5;
struct ScoredProject {
    std::size_t project; // index in Vocabulary::projects
    double score;
};
std::vector<ScoredProject> find_projects(std::string_view name, const Vocabulary& vocabulary);

} // namespace mr::local
