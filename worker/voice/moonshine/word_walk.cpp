#include "worker/voice/moonshine/word_walk.h"

#include <algorithm>

namespace mr::voice::moonshine {

WordWalk::WordWalk(const WordModel* model, const WordPreference& preference)
    : model_(model), preference_(preference) {
    if (model_ != nullptr) {
        history_ = model_->begin();
        next_ = std::make_shared<const std::vector<float>>(model_->log_likelihoods(history_));
    }
}

float WordWalk::preferred(float log_likelihood) const noexcept {
    return preference_.weight * std::max(0.0F, log_likelihood - preference_.floor);
}

void WordWalk::add(std::string_view piece) {
    bool grown = false;
    for (char c : piece) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            words_ += c;
            grown = true;
        } else if (c != '\'') {
            close();
            grown = false;
        }
    }
    if (grown) {
        look_ahead();
    }
}

void WordWalk::look_ahead() {
    if (model_ == nullptr) {
        return;
    }
    const WordModel::Range range = model_->starting_with(word());
    open_ = 0;
    if (range.first < range.end) {
        const auto begin = next_->begin();
        open_ = preferred(*std::max_element(begin + range.first, begin + range.end));
    }
}

void WordWalk::close() {
    if (word().empty()) {
        return;
    }
    if (model_ != nullptr) {
        const auto known = model_->find(word());
        settled_ += known ? preferred((*next_)[*known]) : 0;
        history_ = model_->after(history_, known);
        next_ = std::make_shared<const std::vector<float>>(model_->log_likelihoods(history_));
    }
    open_ = 0;
    words_ += ' ';
    word_at_ = words_.size();
}

} // namespace mr::voice::moonshine
