#include "worker/log.h"

#include "worker/json_text.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>

namespace mr::log {
namespace {

Level g_level = Level::info;
std::string g_worker;

constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};

void append_time(std::string& line) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    const std::time_t seconds = us / 1'000'000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[40];
    const size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    line.append(text, length);
    const int micros = static_cast<int>(us % 1'000'000);
    std::snprintf(text, sizeof(text), ".%06dZ", micros);
    line += text;
}

// One write call per line, so that lines of several processes never mix.
void put(const std::string& line) {
    size_t at = 0;
    while (at < line.size()) {
        const ssize_t count = ::write(STDERR_FILENO, line.data() + at, line.size() - at);
        if (count <= 0) {
            return;
        }
        at += static_cast<size_t>(count);
    }
}

} // namespace

void Field::append_to(std::string& line) const {
    line += ",\"";
    line += key_;
    line += "\":";
    if (const auto* text = std::get_if<std::string_view>(&value_)) {
        append_json_string(line, *text);
    } else if (const auto* number = std::get_if<int64_t>(&value_)) {
        line += std::to_string(*number);
    } else if (const auto* real = std::get_if<double>(&value_)) {
        char digits[32];
        std::snprintf(digits, sizeof(digits), "%.6g", *real);
        line += digits;
    } else {
        line += std::get<bool>(value_) ? "true" : "false";
    }
}

bool Repeat::due(std::string_view cause) {
    const auto now = std::chrono::steady_clock::now();
    if (cause == cause_ && now - at_ < kRepeat) {
        return false;
    }
    cause_ = cause;
    at_ = now;
    return true;
}

void set_level(Level level) {
    g_level = level;
}

void set_worker(std::string_view incarnation) {
    g_worker = incarnation;
}

bool enabled(Level level) {
    return level >= g_level;
}

bool parse_level(std::string_view name, Level& level) {
    for (size_t i = 0; i < std::size(kNames); ++i) {
        if (kNames[i] == name) {
            level = static_cast<Level>(i);
            return true;
        }
    }
    return false;
}

void write(Level level, std::string_view message, Fields fields) {
    if (!enabled(level)) {
        return;
    }
    std::string line = "{\"ts\":\"";
    append_time(line);
    line += "\",\"level\":\"";
    line += kNames[static_cast<size_t>(level)];
    line += "\",\"msg\":";
    append_json_string(line, message);
    line += ",\"service\":\"mr-worker\"";
    if (!g_worker.empty()) {
        Field("worker", g_worker).append_to(line);
    }
    for (const Field& field : fields) {
        field.append_to(line);
    }
    line += "}\n";
    put(line);
}

} // namespace mr::log
