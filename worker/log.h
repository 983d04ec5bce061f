// JSON lines on stderr, one object per line: ts, level, msg, service, worker, then the fields of
// the call. Owns format and level; never rotates files, never blocks on anything but the write.
// Values are data of ours (ids, counts, causes): no message text of users, no secrets.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace mr::log {

enum class Level : uint8_t { debug, info, warn, error };

// One key and its value; the views must live until the call returns.
class Field {
  public:
    Field(std::string_view key, std::string_view value) : key_(key), value_(value) {}
    Field(std::string_view key, const char* value) : key_(key), value_(std::string_view(value)) {}
    Field(std::string_view key, const std::string& value)
        : key_(key), value_(std::string_view(value)) {}
    Field(std::string_view key, bool value) : key_(key), value_(value) {}
    Field(std::string_view key, double value) : key_(key), value_(value) {}
    template <typename Integer>
        requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>)
    Field(std::string_view key, Integer value) : key_(key), value_(static_cast<int64_t>(value)) {}

    void append_to(std::string& line) const;

  private:
    std::string_view key_;
    std::variant<std::string_view, int64_t, double, bool> value_;
};

using Fields = std::initializer_list<Field>;

void set_level(Level level);
void set_worker(std::string_view incarnation); // field `worker` of every later line
bool enabled(Level level);
bool parse_level(std::string_view name, Level& level);

// For lines that a lasting trouble would repeat: due the first time with each cause, then every
// kRepeat. Clear it when the trouble is over.
inline constexpr std::chrono::seconds kRepeat{10};
class Repeat {
  public:
    bool due(std::string_view cause);
    void clear() { cause_.clear(); }

  private:
    std::string cause_;
    std::chrono::steady_clock::time_point at_{};
};

void write(Level level, std::string_view message, Fields fields);

inline void debug(std::string_view message, Fields fields = {}) {
    write(Level::debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
    write(Level::info, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
    write(Level::warn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
    write(Level::error, message, fields);
}

} // namespace mr::log
