// The pieces of text that Moonshine writes: those of the Llama tokenizer, in sentencepiece's
// notation, one a line, the line's number being the token. Only the way from tokens to text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace mr::voice::moonshine {

inline constexpr int64_t kTextBegin = 1; // <s>
inline constexpr int64_t kTextEnd = 2;   // </s>

class Vocabulary {
  public:
    // Throws onnx::Error: file, cause, cure.
    static Vocabulary load(const std::filesystem::path& file);

    size_t size() const noexcept { return pieces_.size(); }

    // Valid UTF-8, without blanks around it. Tokens that are no text (markers, unknown ones) are
    // left out, as are bytes that make no code point.
    std::string text(std::span<const int64_t> tokens) const;

  private:
    explicit Vocabulary(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

    std::vector<std::string> pieces_; // as they stand in text; empty: no text
};

} // namespace mr::voice::moonshine
