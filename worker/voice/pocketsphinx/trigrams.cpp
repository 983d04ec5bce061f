#include "worker/voice/pocketsphinx/trigrams.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string_view>

namespace mr::voice {
namespace {

constexpr size_t kOrder = 3;
constexpr double kDiscount = 0.6; // of every count, kept for what was not seen
constexpr double kNever = -99;    // logarithm of the probability of what is never predicted

using Gram = std::vector<uint32_t>; // word ids
using Counts = std::map<Gram, uint32_t>;

struct History {
    uint64_t count = 0;
    uint64_t kinds = 0;      // different words behind it
    double shorter_mass = 0; // probability of those words with one word of history less
};

class Builder {
  public:
    explicit Builder(const std::vector<std::string>& sentences) {
        begin_ = id_of("<s>");
        end_ = id_of("</s>");
        for (const std::string& sentence : sentences) {
            count(sentence);
        }
    }

    std::string text() {
        std::array<std::map<Gram, double>, kOrder> logs;
        for (size_t n = 1; n <= kOrder; ++n) {
            estimate(n, logs);
        }
        std::string arpa = "\\data\\\n";
        for (size_t n = 1; n <= kOrder; ++n) {
            arpa += "ngram " + std::to_string(n) + "=" + std::to_string(logs[n - 1].size()) + "\n";
        }
        for (size_t n = 1; n <= kOrder; ++n) {
            arpa += "\n\\" + std::to_string(n) + "-grams:\n";
            for (const auto& [gram, log] : logs[n - 1]) {
                add_line(arpa, gram, log, n < kOrder);
            }
        }
        return arpa + "\n\\end\\\n";
    }

  private:
    uint32_t id_of(std::string_view word) {
        const auto [at, fresh] =
            ids_.try_emplace(std::string(word), static_cast<uint32_t>(words_.size()));
        if (fresh) {
            words_.emplace_back(word);
        }
        return at->second;
    }

    void count(std::string_view sentence) {
        Gram ids = {begin_};
        while (!sentence.empty()) {
            const size_t blank = std::min(sentence.find(' '), sentence.size());
            ids.push_back(id_of(sentence.substr(0, blank)));
            sentence.remove_prefix(std::min(blank + 1, sentence.size()));
        }
        ids.push_back(end_);
        for (size_t n = 1; n <= kOrder; ++n) {
            for (size_t at = 0; at + n <= ids.size(); ++at) {
                const auto first = ids.begin() + static_cast<int64_t>(at);
                ++counts_[n - 1][Gram(first, first + static_cast<int64_t>(n))];
            }
        }
    }

    // Probabilities of the n-grams; and, as all of a history are seen, its back-off weight.
    void estimate(size_t n, std::array<std::map<Gram, double>, kOrder>& logs) {
        std::map<Gram, History> histories;
        for (const auto& [gram, count] : counts_[n - 1]) {
            if (n == 1 && gram[0] == begin_) {
                continue; // never predicted
            }
            History& history = histories[Gram(gram.begin(), gram.end() - 1)];
            history.count += count;
            ++history.kinds;
            if (n > 1) {
                history.shorter_mass +=
                    std::pow(10, logs[n - 2].at(Gram(gram.begin() + 1, gram.end())));
            }
        }
        for (const auto& [gram, count] : counts_[n - 1]) {
            double& log = logs[n - 1][gram];
            log = kNever;
            if (n == 1 && gram[0] == begin_) {
                continue;
            }
            const History& history = histories.at(Gram(gram.begin(), gram.end() - 1));
            const double all = static_cast<double>(history.count);
            double probability = (count - kDiscount) / all;
            if (n == 1) { // what is left over is shared by all words
                probability += kDiscount / all;
            }
            log = std::log10(probability);
        }
        for (const auto& [gram, history] : histories) {
            const double left =
                kDiscount * static_cast<double>(history.kinds) / static_cast<double>(history.count);
            const double unseen = std::max(1 - history.shorter_mass, 1e-6);
            backoff_[gram] = std::log10(left / unseen);
        }
    }

    void add_line(std::string& arpa, const Gram& gram, double log, bool with_backoff) const {
        std::array<char, 32> number{};
        std::snprintf(number.data(), number.size(), "%.4f", log);
        arpa += number.data();
        for (const uint32_t id : gram) {
            arpa += " " + words_[id];
        }
        const auto backoff = backoff_.find(gram);
        if (with_backoff) {
            std::snprintf(number.data(), number.size(), " %.4f",
                          backoff == backoff_.end() ? 0.0 : backoff->second);
            arpa += number.data();
        }
        arpa += "\n";
    }

    std::map<std::string, uint32_t> ids_;
    std::vector<std::string> words_;
    uint32_t begin_ = 0;
    uint32_t end_ = 0;
    std::array<Counts, kOrder> counts_;
    std::map<Gram, double> backoff_;
};

} // namespace

std::string arpa_trigrams(const std::vector<std::string>& sentences) {
    return Builder(sentences).text();
}

} // namespace mr::voice
