// Calls of the relay's Lua scripts (shared/scripts.h) by their SHA-1, with the text sent again when
// the server does not know it (restarted, or SCRIPT FLUSH).
#pragma once

#include "shared/scripts.h"
#include "worker/redis/commands.h"
#include "worker/redis/value.h"

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mr::redis {

class Connection;

std::span<const Script* const> all_scripts();
std::string_view script_sha(const Script& script); // 40 hexadecimal characters

// One call: keys first, then arguments, in the order that shared/scripts.h gives. Copies.
class ScriptCall {
  public:
    // Room for so many bytes of arguments from the start.
    explicit ScriptCall(const Script& script, size_t bytes = 0);

    ScriptCall& add(std::string_view part);
    ScriptCall& add(uint64_t number) { return add(std::string_view(std::to_string(number))); }

    const Script& script() const { return *script_; }
    void append_to(Commands& commands) const { commands.add_encoded(count_, parts_); }

  private:
    const Script* script_;
    std::string parts_; // each encoded
    size_t count_ = 0;
};

// The reply, which may be an error reply. Throws Error when there is none.
boost::asio::awaitable<Value> run_script(Connection& connection,
                                         std::shared_ptr<const ScriptCall> call);
boost::asio::awaitable<Value> run_script(Connection& connection, ScriptCall call);

} // namespace mr::redis
