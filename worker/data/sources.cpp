#include "worker/data/sources.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace mr::demo {
namespace {

std::int64_t to_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size())
        throw std::logic_error("not a number: " + std::string{text});
    return value;
}

std::string random_number(std::string_view bounds, Random& random) {
    const std::size_t dash = bounds.find('-');
    if (dash == std::string_view::npos)
        throw std::logic_error("not a range: " + std::string{bounds});
    return std::to_string(
        random.range(to_integer(bounds.substr(0, dash)), to_integer(bounds.substr(dash + 1))));
}

} // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::string_view embedded_text(std::string_view name) {
    for (std::size_t i = 0; i < kEmbeddedTextCount; ++i) {
        if (kEmbeddedTexts[i].name == name)
            return kEmbeddedTexts[i].text;
    }
    throw std::logic_error("no embedded text " + std::string{name});
}

SourceTable::SourceTable(std::string_view name) {
    for (const std::string_view line : split(embedded_text(name), '\n')) {
        if (line.empty())
            continue;
        std::vector<std::string_view> cells = split(line, '\t');
        if (columns_.empty()) {
            columns_ = std::move(cells);
            continue;
        }
        if (cells.size() != columns_.size())
            throw std::logic_error(std::string{name} +
                                   ": wrong column count: " + std::string{line});
        rows_.push_back(std::move(cells));
    }
}

std::string_view SourceTable::at(std::size_t row, std::string_view column) const {
    const auto found = std::ranges::find(columns_, column);
    if (found == columns_.end())
        throw std::logic_error("no column " + std::string{column});
    return rows_.at(row)[static_cast<std::size_t>(found - columns_.begin())];
}

std::int64_t SourceTable::integer(std::size_t row, std::string_view column) const {
    return to_integer(at(row, column));
}

Phrases::Phrases(std::string_view name) {
    std::vector<std::string_view>* current = nullptr;
    for (const std::string_view line : split(embedded_text(name), '\n')) {
        if (line.empty() || line.front() == '#')
            continue;
        if (line.front() == '[' && line.back() == ']')
            current = &sections_[line.substr(1, line.size() - 2)];
        else if (current != nullptr)
            current->push_back(line);
        else
            throw std::logic_error(std::string{name} + ": phrase before the first section");
    }
}

const std::vector<std::string_view>& Phrases::section(std::string_view name) const {
    const auto found = sections_.find(name);
    if (found == sections_.end())
        throw std::logic_error("no phrases for " + std::string{name});
    return found->second;
}

std::string Phrases::draw(std::string_view name, const PhraseValues& values, Random& random) const {
    return expand(random.pick(section(name)), values, random);
}

std::string Phrases::draw_several(std::string_view name, std::size_t count,
                                  const PhraseValues& values, Random& random) const {
    std::vector<std::string_view> lines = section(name);
    random.shuffle(lines);
    lines.resize(std::min(count, lines.size()));
    std::string text;
    for (const std::string_view line : lines) {
        if (!text.empty())
            text.push_back(' ');
        text.append(expand(line, values, random));
    }
    return text;
}

std::string Phrases::expand(std::string_view text, const PhraseValues& values, Random& random,
                            int depth) const {
    if (depth > kMaxDepth)
        throw std::logic_error("phrases nested too deep: " + std::string{text});
    std::string result;
    while (!text.empty()) {
        const std::size_t open = text.find('{');
        result.append(text.substr(0, open));
        if (open == std::string_view::npos)
            break;
        const std::size_t close = text.find('}', open);
        if (close == std::string_view::npos)
            throw std::logic_error("unclosed placeholder: " + std::string{text});
        const std::string_view inner = text.substr(open + 1, close - open - 1);
        text.remove_prefix(close + 1);
        if (inner.starts_with('#')) {
            result.append(random_number(inner.substr(1), random));
        } else if (inner.starts_with('@')) {
            result.append(expand(random.pick(section(inner.substr(1))), values, random, depth + 1));
        } else if (const auto found = values.find(inner); found != values.end()) {
            result.append(found->second);
        } else {
            throw std::logic_error("unknown placeholder {" + std::string{inner} + "}");
        }
    }
    return result;
}

} // namespace mr::demo
