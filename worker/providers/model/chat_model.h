// A language model as the tasks of a turn see it: a system text, messages, perhaps the form the
// reply must have, and text that comes back piece by piece or whole. Every provider of language
// models implements it; nothing behind it knows what it is asked for.
//
// The rules of providers/interfaces.h hold for each call. Tokens of every attempt, also of one that
// failed, are added to CallContext::usage.
#pragma once

#include "worker/providers/interfaces.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr {

enum class Speaker : unsigned char { user, assistant };

struct ModelMessage {
    Speaker speaker = Speaker::user;
    std::string text; // any bytes: what is no UTF-8 is replaced before it is sent
};

// The form of a reply that is one JSON object, in the part of JSON Schema that all providers take:
// type, properties, required (each property), additionalProperties (false), items, enum,
// description.
struct ReplySchema {
    std::string name; // letters, digits, "_" and "-", at most 64
    nlohmann::json schema;
};

struct ModelRequest {
    std::string system;
    std::vector<ModelMessage> messages;  // the last one is the user's
    const ReplySchema* schema = nullptr; // null: free text
    bool stream = false;                 // text is wanted as it is written
};

// Takes a reply. Called on the event loop; must not start a request.
class ModelSink {
  public:
    ModelSink() = default;
    ModelSink(const ModelSink&) = delete;
    ModelSink& operator=(const ModelSink&) = delete;
    virtual ~ModelSink() = default;

    virtual void begin() = 0;                      // an attempt: what came before counts no more
    virtual void text(std::string_view piece) = 0; // whole code points, never empty
    virtual void end() = 0;                        // the reply is whole
    // Something has been passed on that cannot be taken back: there is no other attempt.
    virtual bool committed() const = 0;
};

class ChatModel {
  public:
    virtual ~ChatModel() = default;
    virtual Task<void> generate(const ModelRequest& request, ModelSink& sink,
                                CallContext& call) = 0;
};

} // namespace mr
