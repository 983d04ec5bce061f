#include "worker/voice/word_model.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace mr::voice {
namespace {

constexpr float kDiscount = 0.6F; // of every count, kept for what was not seen

} // namespace

std::vector<std::string> model_words(std::string_view text) {
    std::vector<std::string> words;
    bool within = false;
    for (char c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            if (!within) {
                words.emplace_back();
            }
            within = true;
            words.back() += c;
        } else if (c != '\'') {
            within = false;
        }
    }
    return words;
}

WordModel::WordModel(const std::vector<std::string>& sentences) {
    std::vector<std::vector<std::string>> texts;
    for (const std::string& sentence : sentences) {
        texts.push_back(model_words(sentence));
        words_.insert(words_.end(), texts.back().begin(), texts.back().end());
    }
    std::ranges::sort(words_);
    const auto twice = std::ranges::unique(words_);
    words_.erase(twice.begin(), twice.end());
    words_.resize(std::min(words_.size(), kMaxModelWords));

    std::vector<float> counts(words_.size());
    std::vector<Follower> pairs;
    std::vector<Follower> triples;
    float all = 0;
    for (const auto& text : texts) {
        History history = begin();
        for (const std::string& written : text) {
            const std::optional<Word> word = find(written);
            if (word) {
                ++counts[*word];
                ++all;
                pairs.push_back({history.last, *word, 1});
                triples.push_back({joined(history.before_last, history.last), *word, 1});
            }
            history = after(history, word);
        }
    }
    for (const float count : counts) {
        shares_.push_back(count / all);
    }
    pairs_ = counted(std::move(pairs));
    triples_ = counted(std::move(triples));
}

WordModel::Followers WordModel::counted(std::vector<Follower> seen) {
    const auto key = [](const Follower& one) { return std::tuple(one.history, one.word); };
    std::ranges::sort(seen, {}, key);
    Followers counted;
    for (const Follower& one : seen) {
        if (!counted.empty() && key(counted.back()) == key(one)) {
            ++counted.back().count;
        } else {
            counted.push_back(one);
        }
    }
    counted.shrink_to_fit();
    return counted;
}

std::optional<WordModel::Word> WordModel::find(std::string_view word) const {
    const auto at = std::ranges::lower_bound(words_, word);
    if (at == words_.end() || *at != word) {
        return std::nullopt;
    }
    return static_cast<Word>(at - words_.begin());
}

WordModel::Range WordModel::starting_with(std::string_view prefix) const {
    const auto first = std::ranges::lower_bound(words_, prefix);
    const auto end = std::find_if_not(
        first, words_.end(), [&](const std::string& word) { return word.starts_with(prefix); });
    return {static_cast<Word>(first - words_.begin()), static_cast<Word>(end - words_.begin())};
}

// What the longer history has seen, and for the rest in proportion what the shorter one says.
void WordModel::mix(std::vector<float>& shares, const Followers& all, uint64_t history) {
    const auto seen = std::ranges::equal_range(all, history, {}, &Follower::history);
    if (seen.empty()) {
        return;
    }
    float count = 0;
    for (const Follower& one : seen) {
        count += static_cast<float>(one.count);
    }
    const float left = kDiscount * static_cast<float>(seen.size()) / count;
    for (float& share : shares) {
        share *= left;
    }
    for (const Follower& one : seen) {
        shares[one.word] += (static_cast<float>(one.count) - kDiscount) / count;
    }
}

std::vector<float> WordModel::log_likelihoods(const History& history) const {
    std::vector<float> shares = shares_;
    mix(shares, pairs_, history.last);
    mix(shares, triples_, joined(history.before_last, history.last));
    for (float& share : shares) {
        share = std::log(share);
    }
    return shares;
}

} // namespace mr::voice
