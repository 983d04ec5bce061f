// The table of the Autobahn suite's text class (6: 145 cases), under its numbers.
#pragma once

#include "tests/unit/shared_ws_cases.h"

#include <string>
#include <vector>

namespace mr::ws_test {

inline std::vector<Case> text_message_cases() { // 6.1 to 6.4
    const Bytes latin = "Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!";
    const Bytes greek = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";
    const Bytes surrogate = greek + "\xED\xA0\x80" + "edited";
    const Bytes too_high = greek + "\xF4\x90\x80\x80" + "edited";
    const auto bytewise = [](const Bytes& text) {
        return fragmented(text, std::vector<size_t>(text.size() - 1, 1));
    };
    return {
        {"6.1.1", {{.payload = ""}}, {"text:"}},
        {"6.1.2", fragmented("", {0, 0}), {"text:"}},
        {"6.1.3", fragmented("middle", {0, 6}), {"text:middle"}},
        {"6.2.1", fragmented(latin, {}), {"text:" + latin}},
        {"6.2.2", fragmented(latin, {13}), {"text:" + latin}},
        {"6.2.3", bytewise(latin), {"text:" + latin}},
        {"6.2.4", bytewise(greek), {"text:" + greek}},
        {"6.3.1", fragmented(surrogate, {}), {kInvalidPayload}},
        {"6.3.2", bytewise(surrogate), {kInvalidPayload}},
        {"6.4.1", fragmented(too_high, {11, 4}), {kInvalidPayload}},
        {"6.4.2", fragmented(too_high, {12, 1}), {kInvalidPayload}},
        {"6.4.3", fragmented(too_high, {}), {kInvalidPayload}},
        {"6.4.4", fragmented(too_high, {}), {kInvalidPayload}},
    };
}

struct TextClass {
    std::string id; // of the group; its texts are numbered from `first` on
    bool valid;
    std::vector<Bytes> texts;
    size_t first = 1;
};

// The bytes first to last, each followed by `after`.
inline Bytes byte_run(unsigned first, unsigned last, const Bytes& after) {
    Bytes run;
    for (unsigned byte = first; byte <= last; ++byte) {
        run += static_cast<char>(byte) + after;
    }
    return run;
}

inline std::vector<Bytes> alternating_continuations() { // 80, BF, 80 BF, 80 BF 80, …, then 80 to BE
    std::vector<Bytes> texts{"\x80", "\xBF"};
    for (Bytes text = "\x80\xBF"; text.size() <= 6; text += text.size() % 2 ? "\xBF" : "\x80") {
        texts.push_back(text);
    }
    texts.push_back(byte_run(0x80, 0xBE, ""));
    return texts;
}

inline std::vector<Bytes> noncharacters() { // U+FFFE, U+FFFF and the last two of each plane above
    std::vector<Bytes> texts{"\xEF\xBF\xBE", "\xEF\xBF\xBF"};
    for (unsigned plane = 1; plane <= 16; ++plane) {
        for (const char last : {'\xBE', '\xBF'}) {
            texts.push_back({static_cast<char>(0xF0 | plane >> 2),
                             static_cast<char>(0x8F | (plane & 3) << 4), '\xBF', last});
        }
    }
    return texts;
}

inline std::vector<Bytes> prefixes(const Bytes& text, bool whole_code_points) {
    std::vector<Bytes> out;
    for (const size_t size : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}) {
        const bool whole = size == 2 || size == 5 || size == 7 || size == 9 || size == 11;
        if (whole == whole_code_points) {
            out.push_back(text.substr(0, size));
        }
    }
    return out;
}

inline std::vector<TextClass> text_classes() { // 6.5 to 6.23
    using namespace std::string_literals;
    const Bytes greek = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";
    const std::vector<Bytes> unfinished = {
        "\xC0", "\xE0\x80", "\xF0\x80\x80", "\xF8\x80\x80\x80", "\xFC\x80\x80\x80\x80",
        "\xDF", "\xEF\xBF", "\xF7\xBF\xBF", "\xFB\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF"};
    Bytes unfinished_run;
    for (const Bytes& text : unfinished) {
        unfinished_run += text;
    }
    return {
        {"6.5",
         true,
         {"hello$world", "hello\xC2\xA2world", "hello\xE2\x82\xACworld",
          "hello\xF0\xA4\xAD\xA2world", greek}},
        {"6.6", true, prefixes(greek, true)},
        {"6.6", false, prefixes(greek, false)},
        {"6.7", true, {"\0"s, "\xC2\x80", "\xE0\xA0\x80", "\xF0\x90\x80\x80"}},
        {"6.8", false, {"\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80"}},
        {"6.9", true, {"\x7F", "\xDF\xBF", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"}},
        {"6.10", false, {"\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF\xBF"}},
        {"6.11", true, {"\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}},
        {"6.11", false, {"\xF4\x90\x80\x80"}, 5},
        {"6.12", false, alternating_continuations()},
        {"6.13",
         false,
         {byte_run(0xC0, 0xDE, " "), byte_run(0xE0, 0xEE, " "), byte_run(0xF0, 0xF6, " "),
          byte_run(0xF8, 0xFA, " "), byte_run(0xFC, 0xFC, " ")}},
        {"6.14", false, unfinished},
        {"6.15", false, {unfinished_run}},
        {"6.16", false, {"\xFE", "\xFF", "\xFE\xFE\xFF\xFF"}},
        {"6.17",
         false,
         {"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF",
          "\xFC\x80\x80\x80\x80\xAF"}},
        {"6.18",
         false,
         {"\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF8\x87\xBF\xBF\xBF",
          "\xFC\x83\xBF\xBF\xBF\xBF"}},
        {"6.19",
         false,
         {"\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF8\x80\x80\x80\x80",
          "\xFC\x80\x80\x80\x80\x80"}},
        {"6.20",
         false,
         {"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80",
          "\xED\xBE\x80", "\xED\xBF\xBF"}},
        {"6.21",
         false,
         {"\xED\xA0\x80\xED\xB0\x80", "\xED\xA0\x80\xED\xBF\xBF", "\xED\xAD\xBF\xED\xB0\x80",
          "\xED\xAD\xBF\xED\xBF\xBF", "\xED\xAE\x80\xED\xB0\x80", "\xED\xAE\x80\xED\xBF\xBF",
          "\xED\xAF\xBF\xED\xB0\x80", "\xED\xAF\xBF\xED\xBF\xBF"}},
        {"6.22", true, noncharacters()},
        {"6.23",
         true,
         {"\xEF\xBF\xB9", "\xEF\xBF\xBA", "\xEF\xBF\xBB", "\xEF\xBF\xBC", "\xEF\xBF\xBD",
          "\xEF\xBF\xBE", "\xEF\xBF\xBF"}},
    };
}

inline std::vector<Case> text_cases() { // 6.*
    std::vector<Case> cases = text_message_cases();
    for (const TextClass& c : text_classes()) {
        size_t number = c.first;
        for (const Bytes& text : c.texts) {
            // The prefixes of 6.6 are numbered by their length.
            const size_t last = c.id == "6.6" ? text.size() : number++;
            cases.push_back({c.id + "." + std::to_string(last),
                             {{.payload = text}},
                             {c.valid ? "text:" + text : kInvalidPayload}});
        }
    }
    return cases;
}

} // namespace mr::ws_test
