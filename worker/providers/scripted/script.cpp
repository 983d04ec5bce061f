#include "worker/providers/scripted/script.h"

#include "shared/ids.h"
#include "worker/providers/interfaces.h"

#include <charconv>
#include <iterator>
#include <utility>

namespace mr::scripted {
namespace {

struct Key {
    std::string_view name;
    uint64_t Script::* member;
    uint64_t min;
    uint64_t max;
};

constexpr Key kKeys[] = {
    {"seed", &Script::seed, 0, UINT64_MAX},
    {"phase_ms", &Script::phase_ms, 0, kMaxScriptMs},
    {"tools", &Script::tools, 0, kMaxScriptTools},
    {"tool_ms", &Script::tool_ms, 0, kMaxScriptMs},
    {"chunks", &Script::chunks, 1, kMaxScriptChunks},
    {"bytes", &Script::bytes, kMinChunkBytes, kMaxChunkBytes},
    {"rate", &Script::rate, 0, 1'000'000},
    {"stamp", &Script::stamp, 0, 1},
};

constexpr std::string_view kChunkEnd = "é ";
constexpr size_t kChunkRoom = 48; // for digits that are cut, or stand in front of a short chunk

[[noreturn]] void refuse(std::string_view word, const std::string& why) {
    throw ProviderError(ProviderFault::bad_request,
                        "the script's word \"" + std::string(word.substr(0, 60)) + "\" " + why);
}

void take_word(std::string_view word, Script& script) {
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    for (const Key& key : kKeys) {
        if (key.name != name) {
            continue;
        }
        const std::string_view text =
            equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
        const auto value = parse_decimal(text);
        if (!value || *value < key.min || *value > key.max) {
            refuse(word, "is not a number from " + std::to_string(key.min) + " to " +
                             std::to_string(key.max));
        }
        script.*key.member = *value;
        return;
    }
    refuse(word, "is not known; a question to this app is a script such as chunks=100 rate=50");
}

uint64_t split_mix(uint64_t seed, uint64_t index) {
    uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

// Sixteen hexadecimal digits.
struct Digits {
    explicit Digits(uint64_t value) {
        for (size_t i = sizeof(text); i-- > 0; value >>= 4) {
            text[i] = "0123456789abcdef"[value & 15];
        }
    }
    std::string_view view() const { return {text, sizeof(text)}; }
    char text[16];
};

// A chunk so far; room for all of it.
std::string begun(const Script& script, uint64_t index) {
    std::string text;
    text.reserve(static_cast<size_t>(script.bytes) + kChunkRoom);
    char digits[24];
    text.append(digits, std::to_chars(digits, digits + sizeof(digits), index).ptr);
    return text;
}

std::string filled(const Script& script, uint64_t index, std::string text) {
    const Digits digits(split_mix(script.seed, index));
    const size_t body = static_cast<size_t>(script.bytes) - kChunkEnd.size();
    while (text.size() < body) {
        text += digits.view();
    }
    text.resize(body);
    text += kChunkEnd;
    return text;
}

} // namespace

Script parse_script(std::string_view text) {
    Script script;
    while (!text.empty()) {
        const size_t blank = text.find(' ');
        const std::string_view word = text.substr(0, blank);
        if (!word.empty()) {
            take_word(word, script);
        }
        text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
    }
    if (script.stamp != 0 && script.bytes < kMinStampedBytes) {
        refuse("stamp=1", "needs bytes=" + std::to_string(kMinStampedBytes) + " or more");
    }
    return script;
}

std::string chunk_text(const Script& script, uint64_t index) {
    std::string text = begun(script, index);
    text += ':';
    return filled(script, index, std::move(text));
}

std::string stamped_chunk(const Script& script, uint64_t index, uint64_t due_us) {
    std::string text = begun(script, index);
    text += '@';
    text += Digits(due_us).view();
    text += ':';
    return filled(script, index, std::move(text));
}

} // namespace mr::scripted
