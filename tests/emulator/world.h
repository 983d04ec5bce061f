// All of the emulator but its sockets: what it was told, what it was asked, and its providers.
#pragma once

#include "tests/emulator/account.h"
#include "tests/emulator/exchange.h"
#include "tests/emulator/provider.h"
#include "tests/emulator/record.h"
#include "tests/emulator/script.h"
#include "tests/emulator/tickets.h"

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <string>

namespace mr::emulator {

class World {
  public:
    World(boost::asio::any_io_executor executor, const Account& account);

    // A request to a provider: records it, answers it.
    void serve(const std::shared_ptr<Exchange>& exchange);
    // A request to the emulator itself: GET, DELETE /requests; PUT, DELETE /script; GET /health.
    void control(const std::shared_ptr<Exchange>& exchange);

  private:
    struct Reply {
        Answer answer;
        Behaviour how;
    };

    Reply decide(Provider& provider, Call& call);
    Answer controlled(const Request& request);

    boost::asio::any_io_executor executor_;
    Script script_;
    Records records_;
    Tickets tickets_;
    std::map<std::string, std::shared_ptr<Provider>> providers_;
};

} // namespace mr::emulator
