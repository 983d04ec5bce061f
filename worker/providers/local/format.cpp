#include "worker/providers/local/format.h"

#include "worker/tools/tool.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace mr::local {
namespace {

constexpr std::size_t kMaxCellBytes = 160;

std::string grouped(std::string digits) {
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string rounded(double number, int decimals) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
    return text.data();
}

} // namespace

std::string money_text(double dollars) {
    const std::string digits = grouped(rounded(std::fabs(std::round(dollars)), 0));
    return (dollars <= -0.5 ? "-$" : "$") + digits;
}

std::string count_text(double number) {
    const double magnitude = std::fabs(number);
    const bool whole = magnitude == std::floor(magnitude);
    const std::string text = rounded(magnitude, whole ? 0 : 1);
    const std::size_t point = std::min(text.find('.'), text.size());
    return (number < 0 ? "-" : "") + grouped(text.substr(0, point)) + text.substr(point);
}

std::string percent_text(double number) {
    const std::string text = rounded(number, 1);
    return (text.ends_with(".0") ? text.substr(0, text.size() - 2) : text) + "%";
}

std::string date_text(std::string_view iso) {
    static constexpr std::array<std::string_view, 12> kMonths = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"};
    if (iso.size() != 10 || iso[4] != '-' || iso[7] != '-') {
        return std::string(iso);
    }
    const int month = (iso[5] - '0') * 10 + (iso[6] - '0');
    const int day = (iso[8] - '0') * 10 + (iso[9] - '0');
    if (month < 1 || month > 12 || day < 1 || day > 31) {
        return std::string(iso);
    }
    return std::string(kMonths[static_cast<std::size_t>(month - 1)]) + " " + std::to_string(day) +
           ", " + std::string(iso.substr(0, 4));
}

std::string plain_value(std::string_view value) {
    std::string text(value);
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

std::string cell_text(const nlohmann::json& cell, std::string_view kind) {
    if (cell.is_null()) {
        return "–";
    }
    if (cell.is_number()) {
        const double number = cell.get<double>();
        if (kind == "money") {
            return money_text(number);
        }
        if (kind == "percent") {
            return percent_text(number);
        }
        return kind == "id" ? rounded(number, 0) : count_text(number);
    }
    const std::string& text = cell.get_ref<const std::string&>();
    if (kind == "date") {
        return date_text(text);
    }
    const bool word_value = text.find(' ') == std::string::npos && kind == "text";
    return word_value ? plain_value(text) : text;
}

std::string table_cell(const nlohmann::json& cell, std::string_view kind) {
    std::string out;
    for (const char c : clipped(kind == "date" && cell.is_string() ? cell.get<std::string>()
                                                                   : cell_text(cell, kind),
                                kMaxCellBytes)) {
        if (c == '|') {
            out += "\\|";
        } else {
            out += c == '\n' || c == '\r' ? ' ' : c;
        }
    }
    return out;
}

std::string markdown_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '*' || c == '_' || c == '`' || c == '[' || c == ']' || c == '<' || c == '>' ||
            c == '|' || c == '\\' || c == '#') {
            out += '\\';
        }
        out += c == '\n' || c == '\r' ? ' ' : c;
    }
    return out;
}

} // namespace mr::local
