// The pieces of text that Moonshine writes: those of the Llama tokenizer, in sentencepiece's
// notation, one a line, the line's number being the token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mr::voice::moonshine {

inline constexpr int64_t kTextBegin = 1; // <s>
inline constexpr int64_t kTextEnd = 2;   // </s>

class Vocabulary {
  public:
    // Throws onnx::Error: file, cause, cure.
    static Vocabulary load(const std::filesystem::path& file);
    Vocabulary(Vocabulary&&) = default;
    Vocabulary& operator=(Vocabulary&&) = default;

    size_t size() const noexcept { return pieces_.size(); }

    // Valid UTF-8, without blanks around it. Tokens that are no text (markers, unknown ones) are
    // left out, as are bytes that make no code point.
    std::string text(std::span<const int64_t> tokens) const;

    // As it stands in text, with the blank in front of a word; empty for what is no text.
    std::string_view piece(int64_t token) const noexcept {
        const bool known = token >= 0 && static_cast<size_t>(token) < pieces_.size();
        return known ? std::string_view(pieces_[static_cast<size_t>(token)]) : std::string_view();
    }

  private:
    explicit Vocabulary(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

    std::vector<std::string> pieces_; // as they stand in text; empty: no text
};

} // namespace mr::voice::moonshine
