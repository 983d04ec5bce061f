#include "worker/voice/moonshine/vocabulary.h"

#include "shared/utf8.h"
#include "worker/small_file.h"
#include "worker/voice/onnx/runtime.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace mr::voice::moonshine {
namespace {

constexpr size_t kMaxBytes = 1 << 20; // of the file
constexpr size_t kPieces = 32'000;
constexpr size_t kMarkers = 3; // <unk>, <s>, </s>
constexpr std::string_view kBlank = "\u2581";
constexpr size_t kMaxCodePoint = 4; // bytes

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// "▁the" is " the"; "<0x0A>" is the byte.
std::string plain(std::string_view piece) {
    if (piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with('>')) {
        const int high = hex_digit(piece[3]);
        const int low = hex_digit(piece[4]);
        if (high >= 0 && low >= 0) {
            return std::string(1, static_cast<char>(high * 16 + low));
        }
    }
    std::string text;
    while (!piece.empty()) {
        if (piece.starts_with(kBlank)) {
            text += ' ';
            piece.remove_prefix(kBlank.size());
        } else {
            text += piece.front();
            piece.remove_prefix(1);
        }
    }
    return text;
}

size_t code_point_length(std::string_view bytes) {
    for (size_t length = 1; length <= std::min(kMaxCodePoint, bytes.size()); ++length) {
        const auto* first = reinterpret_cast<const uint8_t*>(bytes.data());
        if (utf8_valid({first, length})) {
            return length;
        }
    }
    return 0;
}

std::string only_valid(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
        const size_t length = code_point_length(bytes);
        text += bytes.substr(0, length);
        bytes.remove_prefix(std::max<size_t>(length, 1));
    }
    return text;
}

} // namespace

Vocabulary Vocabulary::load(const std::filesystem::path& file) {
    onnx::require_file(file);
    std::string contents;
    try {
        contents = read_small_file(file.string(), kMaxBytes);
    } catch (const std::exception& error) {
        throw onnx::Error(file.string() + ": " + error.what());
    }
    std::vector<std::string> pieces;
    for (size_t begin = 0; begin <= contents.size();) {
        const size_t end = std::min(contents.find('\n', begin), contents.size());
        const std::string_view line = std::string_view(contents).substr(begin, end - begin);
        pieces.push_back(pieces.size() < kMarkers ? std::string() : plain(line));
        begin = end + 1;
    }
    if (pieces.size() != kPieces) {
        throw onnx::Error(file.string() + " has " + std::to_string(pieces.size()) +
                          " pieces, not " + std::to_string(kPieces) +
                          "; ./mr run fetches it anew once it is removed");
    }
    return Vocabulary(std::move(pieces));
}

std::string Vocabulary::text(std::span<const int64_t> tokens) const {
    std::string bytes;
    for (const int64_t token : tokens) {
        bytes += piece(token);
    }
    std::string text = only_valid(bytes);
    const size_t last = text.find_last_not_of(" \n\t");
    text.erase(last == std::string::npos ? 0 : last + 1);
    text.erase(0, std::min(text.find_first_not_of(" \n\t"), text.size()));
    return text;
}

} // namespace mr::voice::moonshine
