#include "worker/providers/overlap.h"

#include <algorithm>
#include <utility>

namespace mr {
namespace {

bool blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

bool code_point_start(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

// Behind the last sentence or line that ends within the first `size` bytes; 0: there is none.
std::size_t sentence_begin(std::string_view text, std::size_t size) {
    for (std::size_t at = size; at > 1; --at) {
        const char before = text[at - 1];
        const char end = text[at - 2];
        if (before == '\n' || (before == ' ' && (end == '.' || end == '!' || end == '?'))) {
            return at;
        }
    }
    return 0;
}

} // namespace

OverlapCut::OverlapCut(std::string_view delivered) : delivered_(delivered) {
    while (!delivered_.empty() && blank(delivered_.back())) {
        delivered_.remove_suffix(1);
        blank_behind_ = true;
    }
    if (delivered_.size() < kMinRestartBytes) {
        through_ = true;
        return;
    }
    candidates_.push_back(0);
    const std::size_t window = std::min(delivered_.size(), kOverlapWindowBytes);
    for (std::size_t at = delivered_.size() - window; at + kMinOverlapBytes <= delivered_.size();
         ++at) {
        if (at > 0 && code_point_start(delivered_[at])) {
            candidates_.push_back(at);
        }
    }
}

std::string OverlapCut::feed(std::string_view piece) {
    if (through_) {
        return pass(std::string(piece));
    }
    while (held_.empty() && !piece.empty() && blank(piece.front())) {
        lead_ += piece.front();
        piece.remove_prefix(1);
    }
    const std::size_t checked = held_.size();
    held_ += piece;
    for (std::size_t at = checked; at < held_.size() && !candidates_.empty(); ++at) {
        match(at);
    }
    return candidates_.empty() ? decide() : std::string();
}

// Byte `at` of held_: candidates that it does not fit are out, one that it completes is an overlap.
void OverlapCut::match(std::size_t at) {
    std::erase_if(candidates_, [this, at](std::size_t begin) {
        return begin + at >= delivered_.size() || delivered_[begin + at] != held_[at];
    });
    for (const std::size_t begin : candidates_) {
        restart_ = begin == 0 ? at + 1 : restart_;
        complete_ = begin + at + 1 == delivered_.size() ? at + 1 : complete_;
    }
    std::erase_if(candidates_,
                  [this, at](std::size_t begin) { return begin + at + 1 == delivered_.size(); });
}

std::string OverlapCut::decide() {
    through_ = true;
    if (complete_ > 0) {
        strip_ = blank_behind_;
        return pass(held_.substr(complete_));
    }
    if (restart_ >= kMinDepartureBytes) {
        return "\n\n" + held_.substr(sentence_begin(held_, restart_));
    }
    return lead_ + held_;
}

std::string OverlapCut::finish() {
    if (through_ || held_.empty()) {
        return {};
    }
    if (complete_ == 0 && held_.size() >= kMinOverlapBytes) {
        return {}; // nothing but a part of what was delivered
    }
    restart_ = 0;
    return decide();
}

std::string OverlapCut::pass(std::string text) {
    if (strip_) {
        const std::size_t begin = text.find_first_not_of(" \n\t\r");
        strip_ = begin == std::string::npos;
        text.erase(0, begin);
    }
    return text;
}

} // namespace mr
