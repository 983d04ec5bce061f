// Access tokens: what the token servers have given out, until when, and for what.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace mr::emulator {

inline constexpr std::size_t kMaxTickets = 10'000;

class Tickets {
  public:
    // A token for `audience` ("google", "powerbi") that lives for so many seconds.
    std::string issue(const std::string& audience, std::int64_t seconds);
    bool good(const std::string& audience, const std::string& token) const;
    void clear() { tickets_.clear(); }

  private:
    struct Ticket {
        std::string audience;
        std::int64_t until = 0; // Unix time
    };
    std::map<std::string, Ticket> tickets_;
};

} // namespace mr::emulator
