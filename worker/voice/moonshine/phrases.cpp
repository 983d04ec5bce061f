#include "worker/voice/moonshine/phrases.h"

#include <algorithm>

namespace mr::voice::moonshine {

Phrases::Phrases(const Vocabulary& vocabulary, std::span<const std::string> phrases) {
    for (const std::string& phrase : phrases.first(std::min(phrases.size(), kMaxPhrases))) {
        if (phrase.size() <= kMaxPhraseBytes) {
            add(vocabulary.tokens(phrase));
        }
    }
}

uint32_t Phrases::after(uint32_t node, int64_t token) const {
    for (const auto& [next_token, next] : nodes_[node]) {
        if (next_token == token) {
            return next;
        }
    }
    return 0;
}

void Phrases::add(std::span<const int64_t> tokens) {
    uint32_t node = 0;
    for (const int64_t token : tokens) {
        uint32_t next = after(node, token);
        if (next == 0) {
            next = static_cast<uint32_t>(nodes_.size());
            nodes_.emplace_back();
            nodes_[node].emplace_back(token, next);
        }
        node = next;
    }
}

void Phrases::Walk::take(int64_t token) {
    std::vector<uint32_t> open;
    const auto go_on = [&](uint32_t node) {
        const uint32_t next = phrases_->after(node, token);
        if (next != 0 && open.size() < kMaxOpenPhrases) {
            open.push_back(next);
        }
    };
    std::ranges::for_each(open_, go_on);
    go_on(0);
    open_ = std::move(open);
}

} // namespace mr::voice::moonshine
