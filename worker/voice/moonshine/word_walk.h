// How much of a text that is being written, piece by piece, is what is likely to be said here. A
// word is preferred by how probable the model has it behind the words before; one that is not
// complete, by the most probable word that it can become; words that are not in the model, not at
// all. Pure.
#pragma once

#include "worker/voice/word_model.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mr::voice::moonshine {

struct WordPreference {
    float weight = 0.5F; // of the model's opinion beside the ear's
    float floor = -7;    // a natural logarithm: words that are less probable are not preferred
};

class WordWalk {
  public:
    // The model has to outlive it; without one nothing is preferred.
    WordWalk(const WordModel* model, const WordPreference& preference);

    void add(std::string_view piece);
    void end() { close(); }

    float preference() const noexcept { return settled_ + open_; }
    // The words so far, in lower case, with a blank behind each that is complete: two texts that
    // have the same differ in case and punctuation alone.
    const std::string& words() const noexcept { return words_; }

  private:
    void close();
    void look_ahead();
    float preferred(float log_likelihood) const noexcept;
    std::string_view word() const { return std::string_view(words_).substr(word_at_); }

    const WordModel* model_;
    WordPreference preference_;
    WordModel::History history_{};
    std::shared_ptr<const std::vector<float>> next_; // behind history_, shared by copies
    std::string words_;
    size_t word_at_ = 0; // where the word that is not complete begins
    float settled_ = 0;  // of the complete words
    float open_ = 0;
};

} // namespace mr::voice::moonshine
