// An owned copy of a Redis reply, for coroutines: shared/resp's Reply is a view that lives only
// until the next one is parsed. Also the errors that a command can end with.
#pragma once

#include "shared/resp.h"

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mr::redis {

// Why there is no reply. Except for `not_connected`, the command may have been executed.
enum class Failure : uint8_t { none, not_connected, connection_lost, timed_out };
std::string_view failure_name(Failure failure);

struct Value {
    ReplyType type = ReplyType::nil;
    std::string text; // string, status, error
    int64_t integer = 0;
    std::vector<Value> elements;

    static Value copy(const Reply& reply);

    bool is_nil() const { return type == ReplyType::nil; }
    bool is_error() const { return type == ReplyType::error; }
    // An error whose first word is `code`.
    bool error_is(std::string_view code) const { return is_error() && text.starts_with(code); }
    // Element `index`, or a nil value.
    const Value& at(size_t index) const;
};

// Thrown by the coroutine forms: no reply at all, or (code != "") an error reply.
class Error : public std::runtime_error {
  public:
    explicit Error(Failure failure)
        : std::runtime_error("redis: " + std::string(failure_name(failure))), failure_(failure) {}
    explicit Error(const std::string& reply) : std::runtime_error("redis: " + reply) {}

    Failure failure() const { return failure_; }

  private:
    Failure failure_ = Failure::none;
};

// What to log of an exception: Boost adds the place in its own sources to the text.
std::string cause_of(const std::exception& error);

// Error replies that pass by themselves: the server is loading, full, failing over or busy.
bool passing_error(std::string_view text);

} // namespace mr::redis
