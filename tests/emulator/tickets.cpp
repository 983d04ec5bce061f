#include "tests/emulator/tickets.h"

#include "tests/emulator/provider.h"

#include <utility>

namespace mr::emulator {

std::string Tickets::issue(const std::string& audience, std::int64_t seconds) {
    std::erase_if(tickets_,
                  [now = unix_time()](const auto& one) { return one.second.until <= now; });
    if (tickets_.size() >= kMaxTickets) {
        tickets_.clear();
    }
    std::string token = fresh_id("ya29.emulated-");
    tickets_[token] = {audience, unix_time() + seconds};
    return token;
}

bool Tickets::good(const std::string& audience, const std::string& token) const {
    const auto found = tickets_.find(token);
    return found != tickets_.end() && found->second.audience == audience &&
           found->second.until > unix_time();
}

} // namespace mr::emulator
