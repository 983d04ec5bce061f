// The pieces of text that Moonshine writes: those of the Llama tokenizer, in sentencepiece's
// notation, one a line, the line's number being the token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
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

    // What the model writes for words in the middle of a text: pieces are joined as the tokenizer
    // does it, the pair with the lowest token first (tokens are numbered by their rank).
    std::vector<int64_t> tokens(std::string_view words) const;

  private:
    explicit Vocabulary(std::vector<std::string> pieces);

    std::vector<std::string> pieces_;                       // as they stand in text; empty: no text
    std::unordered_map<std::string_view, int64_t> numbers_; // views of pieces_, bytes left out
};

} // namespace mr::voice::moonshine
