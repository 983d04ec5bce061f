// What a provider says to a request, before a behaviour has bent it: a whole body, a stream of
// events around the tokens of a text, or what it will do on a WebSocket. Pure data; the player
// sends it.
#pragma once

#include "tests/emulator/exchange.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::emulator {

// A text, token by token: given, or made as it is asked for ("word0001 ", any two differ).
class Tokens {
  public:
    static Tokens of_text(std::string_view text); // words with the blanks behind them
    static Tokens numbered(std::string name, std::size_t count, std::size_t padding);

    std::size_t count() const { return given_ ? given_->size() : count_; }
    std::string at(std::size_t index) const;
    std::string whole() const;

  private:
    std::shared_ptr<const std::vector<std::string>> given_;
    std::string name_;
    std::size_t count_ = 0, padding_ = 0; // padding: bytes added to each
};

struct Event {
    std::string name; // of the event field; empty: none
    std::string data;
    bool raw = false; // a line that is no field, as some errors are
};

struct EventStream {
    std::vector<Event> head;
    Tokens tokens;
    std::function<Event(std::size_t index, const std::string& token)> token;
    std::vector<Event> tail; // its last event is the one that marks the end
    // What says in the middle of the stream that it has failed.
    std::function<std::vector<Event>(const nlohmann::json& error, const std::string& form)> error;
    Event ping;  // allowed between any two events
    Event empty; // an event without text: no choice, no delta
};

class WebSocket;
struct Record;

// A conversation, from the upgrade until either side has ended it. Says in the record's `dialogue`
// what it hears, while it hears it, and in `outcome` how it ended.
using Dialogue = std::function<boost::asio::awaitable<void>(std::shared_ptr<WebSocket> socket,
                                                            std::shared_ptr<Record> record)>;

struct Answer {
    int status = 200;
    Headers headers;
    std::string content_type = "application/json";
    std::string body;
    std::optional<EventStream> stream;
    Dialogue dialogue; // instead of a body, behind status 101
};

Answer json_answer(int status, const nlohmann::json& body, Headers headers = {});
std::string dump(const nlohmann::json& value); // invalid UTF-8 replaced

} // namespace mr::emulator
