// Beam search: of the texts that sound could be, the few best are written on side by side, and a
// text that begins less well can win in the end. A text is as good as the ear has it (the sum of
// its tokens' log likelihoods) and as it is likely to be said here (word_walk.h). Pure: knows no
// model.
#pragma once

#include "worker/voice/moonshine/vocabulary.h"
#include "worker/voice/moonshine/word_walk.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace mr::voice::moonshine {

struct BeamOptions {
    size_t width = 3;     // texts at a time; 1 is greedy
    float behind = 3.5F;  // a text that is so much worse than the best is given up
    float candidates = 6; // tokens so much less likely than the likeliest are not tried
};

// What could come next, as the ear has it.
struct Candidate {
    int64_t token;
    std::string_view piece; // its text, which has to outlive the step
    float log_likelihood;
};

class Beam {
  public:
    struct Text {
        std::vector<int64_t> tokens;        // without the markers
        std::vector<float> log_likelihoods; // of each
        float heard = 0;                    // summed, with that of the end
        WordWalk walk;
        size_t parent = 0; // which text it goes on with, of those before the last step

        float score() const { return heard + walk.preference(); }
    };

    Beam(const WordWalk& begin, const BeamOptions& options);

    // The texts to go on with, the best first; none once it is decided.
    std::span<const Text> live() const noexcept { return live_; }

    // One list for each live text, the likeliest first.
    void step(std::span<const std::vector<Candidate>> next);

    // The best one, complete if any is.
    const Text& best() const;

  private:
    struct Continued {
        size_t parent;
        Candidate candidate;
        WordWalk walk;
        float score;
    };
    std::vector<Continued> continued(std::span<const std::vector<Candidate>> next) const;
    bool is_known(const Continued& one, std::span<const Text> among) const;
    Text extended(const Continued& one) const;

    BeamOptions options_;
    std::vector<Text> live_;
    std::vector<Text> complete_; // the best one alone
};

} // namespace mr::voice::moonshine
