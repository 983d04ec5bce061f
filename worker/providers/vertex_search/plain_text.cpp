#include "worker/providers/vertex_search/wire.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace mr::vertex_search {
namespace {

constexpr std::size_t kMaxEntityBytes = 10; // between & and ;
constexpr std::uint32_t kLastCodePoint = 0x10FFFF;

constexpr std::pair<std::string_view, std::string_view> kNamed[] = {
    {"amp", "&"},   {"lt", "<"},     {"gt", ">"},    {"quot", "\""},  {"apos", "'"},
    {"nbsp", " "},  {"hellip", "…"}, {"ndash", "–"}, {"mdash", "—"},  {"lsquo", "‘"},
    {"rsquo", "’"}, {"ldquo", "“"},  {"rdquo", "”"}, {"middot", "·"},
};

std::string utf8(std::uint32_t code) {
    std::string out;
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | (code >> 6));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | (code >> 18));
        out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    }
    if (code >= 0x80) {
        out += static_cast<char>(0x80 | (code & 0x3F));
    }
    return out;
}

std::optional<std::string> numbered(std::string_view digits) {
    const bool hex = digits.starts_with('x') || digits.starts_with('X');
    digits.remove_prefix(hex ? 1 : 0);
    std::uint32_t code = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, code, hex ? 16 : 10);
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if (digits.empty() || read.ec != std::errc() || read.ptr != end || surrogate ||
        code > kLastCodePoint) {
        return std::nullopt;
    }
    return code < 0x20 || code == 0x7F || code == 0xA0 ? " " : utf8(code);
}

// What stands between & and ;
std::optional<std::string> entity(std::string_view name) {
    if (name.starts_with('#')) {
        return numbered(name.substr(1));
    }
    for (const auto& [known, text] : kNamed) {
        if (known == name) {
            return std::string(text);
        }
    }
    return std::nullopt;
}

// A tag begins with a letter, a slash or a mark behind "<"; anything else is a less-than sign.
bool opens_tag(std::string_view html, std::size_t at) {
    const char next = at + 1 < html.size() ? html[at + 1] : ' ';
    return (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '/' ||
           next == '!';
}

} // namespace

std::string plain_text(std::string_view html) {
    std::string out;
    const auto add = [&out](std::string_view text) {
        const bool blank = text == " " || text == "\t" || text == "\n" || text == "\r";
        if (!blank) {
            out += text;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    };
    for (std::size_t at = 0; at < html.size();) {
        const std::size_t close =
            html[at] == '<' && opens_tag(html, at) ? html.find('>', at) : std::string_view::npos;
        if (close != std::string_view::npos) {
            const std::string_view tag = html.substr(at + 1, close - at - 1);
            add(tag.starts_with("br") || tag.starts_with("/p") || tag.starts_with("p") ? " " : "");
            at = close + 1;
            continue;
        }
        if (html[at] == '&') {
            const std::size_t semicolon = html.substr(at, kMaxEntityBytes + 2).find(';');
            if (semicolon != std::string_view::npos) {
                if (const auto text = entity(html.substr(at + 1, semicolon - 1))) {
                    add(*text);
                    at += semicolon + 1;
                    continue;
                }
            }
        }
        add(html.substr(at, 1));
        ++at;
    }
    if (out.ends_with(' ')) {
        out.pop_back();
    }
    return out;
}

} // namespace mr::vertex_search
