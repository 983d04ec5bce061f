// How one provider's API is spoken: requests out of a ModelRequest, and what replies and stream
// events say. Pure: no I/O, no state, no decision about retries. What comes back is remote input:
// unknown fields, events and values are ignored; a missing field and null mean the same.
#pragma once

#include "worker/providers/model/chat_model.h"
#include "worker/providers/model/failure.h"
#include "worker/providers/remote_json.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mr::model {

// A part of our requests that a server or model may refuse; it is left out from then on.
struct OptionalPart {
    std::string_view name;
    std::string_view param; // the refusal's `param` begins with it; empty: no param is enough
    std::string_view word;  // or its message holds it; empty: no message is enough
};

class Features {
  public:
    bool has(std::string_view part) const;
    // False: it had been dropped.
    bool drop(std::string_view part);

  private:
    std::vector<std::string_view> dropped_; // names in a dialect's own table
};

enum class Stop : unsigned char {
    none,
    finished,
    length,   // the model's or our own limit of tokens
    withheld, // by a content filter, or refused by the model
    unusable, // anything else that makes no reply
};

// What one stream event, or a whole reply, adds.
struct Piece {
    std::string text; // of the reply, or of the refusal to give one
    Stop stop = Stop::none;
    std::string stop_word; // the provider's, for the log
    std::string model;
    std::optional<Usage> usage; // counts that are not 0 replace earlier ones
    std::optional<ApiError> error;
    bool last = false; // nothing follows
};

struct WireRequest {
    std::string path;                 // behind the base URL
    std::vector<std::string> headers; // "Name: value", beside those of every request
    nlohmann::json body;
};

class Dialect {
  public:
    virtual ~Dialect() = default;
    virtual std::string_view provider() const = 0;
    virtual std::string_view request_id_header() const = 0;
    // Takes our own name of a request, for the provider's logs; empty: it has none.
    virtual std::string_view client_id_header() const { return {}; }
    virtual std::span<const OptionalPart> optional_parts() const = 0;
    // Streams when the request asks for it and `features` has "stream".
    virtual WireRequest request(const ModelRequest& request, const Features& features) const = 0;
    // Null: an event that is not the API's JSON.
    virtual std::optional<Piece> event(std::string_view data) const = 0;
    // Null: not the JSON of a reply, nor of an error.
    virtual std::optional<Piece> reply(std::string_view body) const = 0;
};

// The name every dialect's table has for streaming itself.
inline constexpr std::string_view kPartStream = "stream";
inline constexpr std::string_view kPartSchema = "schema";

inline bool streams(const ModelRequest& request, const Features& features) {
    return request.stream && features.has(kPartStream);
}

// The system text; where the API is not told the schema, the model is.
std::string system_text(const ModelRequest& request, const Features& features);

// Without empty ones, beginning with the user's: some APIs refuse anything else.
std::vector<ModelMessage> messages_from_user(const std::vector<ModelMessage>& messages);

} // namespace mr::model
