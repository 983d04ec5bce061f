#include "worker/providers/model/dialect.h"

#include <algorithm>

namespace mr::model {

using nlohmann::json;

bool Features::has(std::string_view part) const {
    return std::find(dropped_.begin(), dropped_.end(), part) == dropped_.end();
}

bool Features::drop(std::string_view part) {
    if (!has(part)) {
        return false;
    }
    dropped_.push_back(part);
    return true;
}

std::string system_text(const ModelRequest& request, const Features& features) {
    std::string text = request.system;
    if (request.schema != nullptr && !features.has(kPartSchema)) {
        text += text.empty() ? "" : "\n";
        text += "Reply with one JSON object and nothing else. Its JSON Schema is:\n" +
                request.schema->schema.dump() + "\n";
    }
    return text;
}

std::vector<ModelMessage> messages_from_user(const std::vector<ModelMessage>& messages) {
    std::vector<ModelMessage> out;
    for (const ModelMessage& message : messages) {
        const bool blank = message.text.find_first_not_of(" \t\r\n") == std::string::npos;
        if (!blank && (!out.empty() || message.speaker == Speaker::user)) {
            out.push_back(message);
        }
    }
    return out;
}

} // namespace mr::model
