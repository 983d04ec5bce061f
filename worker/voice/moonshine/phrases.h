// Names that are more likely in what is said here than in English at large. Pieces that begin one
// are a little preferred to what sounds alike, those that go on with one that has begun, clearly.
#pragma once

#include "worker/voice/moonshine/vocabulary.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mr::voice::moonshine {

inline constexpr size_t kMaxPhrases = 5'000;  // more are left out
inline constexpr size_t kMaxPhraseBytes = 60; // of one; longer ones are left out
inline constexpr size_t kMaxOpenPhrases = 16; // at one place of a text

// A tree of tokens. Read-only once made, and shared by all threads.
class Phrases {
  public:
    Phrases() = default;
    Phrases(const Vocabulary& vocabulary, std::span<const std::string> phrases);

    // Where a text stands in them: it may be within several.
    class Walk {
      public:
        explicit Walk(const Phrases& phrases) : phrases_(&phrases) {}
        // visit(token, within): tokens that go on with a phrase that has begun (within), and those
        // that begin one.
        template <typename Visit> void each(Visit visit) const {
            for (const uint32_t node : open_) {
                for (const auto& [token, next] : phrases_->nodes_[node]) {
                    visit(token, true);
                }
            }
            for (const auto& [token, next] : phrases_->nodes_.front()) {
                visit(token, false);
            }
        }
        void take(int64_t token);

      private:
        const Phrases* phrases_;
        std::vector<uint32_t> open_;
    };

  private:
    using Node = std::vector<std::pair<int64_t, uint32_t>>; // token, place in nodes_

    uint32_t after(uint32_t node, int64_t token) const; // 0: nowhere
    void add(std::span<const int64_t> tokens);

    std::vector<Node> nodes_{Node{}}; // the first is the beginning
};

} // namespace mr::voice::moonshine
