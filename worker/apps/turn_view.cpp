#include "worker/apps/turn_view.h"

#include "worker/apps/event_text.h"
#include "worker/json_text.h"

#include <algorithm>
#include <iterator>

namespace mr {

namespace {

constexpr size_t kLeastGrowthBytes = 512;

// By an eighth where it is full. std::string would double it, however much is reserved, and answers
// are what a worker's memory is full of.
void append(std::string& text, std::string_view piece) {
    if (text.capacity() - text.size() < piece.size()) {
        std::string grown;
        grown.reserve(text.size() + piece.size() + std::max(kLeastGrowthBytes, text.size() / 8));
        grown += text;
        text.swap(grown);
    }
    text += piece;
}

using Json = nlohmann::ordered_json;

const Json* member(const Json& fields, const char* name) {
    if (!fields.is_object()) {
        return nullptr;
    }
    const auto found = fields.find(name);
    return found != fields.end() ? &*found : nullptr;
}

// Empty: not there, or no text.
std::string_view text_of(const Json& fields, const char* name) {
    const Json* value = member(fields, name);
    return value != nullptr && value->is_string() ? value->get_ref<const std::string&>()
                                                  : std::string_view();
}

// But for what stamps the event.
void take_fields(Json& entry, const Json& fields) {
    if (!fields.is_object()) {
        return;
    }
    for (const auto& [name, value] : fields.get_ref<const Json::object_t&>()) {
        if (name != "type" && name != "turn_id" && name != "id" && name != "ts") {
            entry[name] = value;
        }
    }
}

} // namespace

void TurnView::append_text(std::string_view piece) {
    append(*text_, piece);
    text_units_ += utf16_length(piece);
}

// Start and completion of the same thing become one entry.
void TurnView::merge(Json& list, const char* key, const Json& v1, const Json& added) {
    const Json* name = member(v1, key);
    name = name != nullptr ? name : member(added, key);
    if (name == nullptr) {
        return;
    }
    const auto known = std::find_if(list.begin(), list.end(), [&](const Json& entry) {
        const Json* its = member(entry, key);
        return its != nullptr && *its == *name;
    });
    Json& entry = known != list.end() ? *known : list.emplace_back(Json::object());
    // No more room than it needs: std::vector would double it.
    auto& fields = entry.get_ref<Json::object_t&>();
    fields.reserve(fields.size() + v1.size() + (added.is_object() ? added.size() : 0));
    take_fields(entry, v1);
    take_fields(entry, added);
}

void TurnView::apply(const Json& v1, const Json& added) {
    const std::string_view type = text_of(v1, "type");
    if (type == "phase_start" || type == "phase_complete") {
        merge(phases_, "phase", v1, added);
    } else if (type == "tool_start" || type == "tool_complete") {
        merge(tools_, "tool", v1, added);
    } else if (type == "chart") {
        merge(charts_, "chart_id", v1, added);
    } else if (type == "sources" || type == "response_complete") {
        for (const Json* fields : {&v1, &added}) {
            const Json* sources = member(*fields, "sources");
            if (sources != nullptr && sources->is_array()) {
                sources_ = *sources;
            }
            for (const char* told_at_end : {"timings", "usage", "trace_id"}) {
                if (const Json* told = member(*fields, told_at_end)) {
                    end_[told_at_end] = *told;
                }
            }
        }
    } else if (type == "error") {
        error_ = Json::object();
        take_fields(error_, v1);
        take_fields(error_, added);
    } else if (type == "text_chunk") {
        append_text(text_of(v1, "content"));
    }
}

bool TurnView::has_told(const Json& v1) const {
    // `mark`: the field that only the completion brings into the merged entry.
    struct Kind {
        std::string_view type;
        const Json& list;
        const char* key;
        const char* mark;
    };
    const Kind kinds[] = {
        {"phase_start", phases_, "phase", "phase"}, {"phase_complete", phases_, "phase", "data"},
        {"tool_start", tools_, "tool", "tool"},     {"tool_complete", tools_, "tool", "summary"},
        {"chart", charts_, "chart_id", "chart_id"},
    };
    const std::string_view type = text_of(v1, "type");
    for (const Kind& kind : kinds) {
        if (type != kind.type) {
            continue;
        }
        const Json* name = member(v1, kind.key);
        return name != nullptr &&
               std::any_of(kind.list.begin(), kind.list.end(), [&](const Json& known) {
                   const Json* its = member(known, kind.key);
                   return its != nullptr && *its == *name && known.contains(kind.mark);
               });
    }
    return false;
}

std::vector<nlohmann::ordered_json> TurnView::open_tools() const {
    std::vector<Json> open;
    std::copy_if(tools_.begin(), tools_.end(), std::back_inserter(open),
                 [](const Json& tool) { return !tool.contains("summary"); });
    return open;
}

TurnView TurnView::restored(const Json& snapshot, size_t max_units) {
    TurnView view;
    const auto list = [&snapshot](const char* name) {
        const Json found = snapshot.value(name, Json());
        return found.is_array() ? found : Json::array();
    };
    if (!snapshot.is_object()) {
        return view;
    }
    const Json content = snapshot.value("content", Json());
    if (content.is_string()) {
        view.append_text(utf16_prefix(content.get_ref<const std::string&>(), max_units));
    }
    view.phases_ = list("phases");
    view.tools_ = list("tools");
    view.charts_ = list("charts");
    view.sources_ = list("sources");
    view.error_ = snapshot.value("error", Json());
    return view;
}

nlohmann::ordered_json TurnView::snapshot() const {
    Json snapshot;
    snapshot["content"] = *text_;
    snapshot.update(snapshot_without_text());
    return snapshot;
}

void TurnView::write_fields(JsonObject& json) const {
    json.number("text_length", static_cast<int64_t>(text_units_));
    json.json("phases", to_text(phases_));
    json.json("tools", to_text(tools_));
    json.json("sources", to_text(sources_));
    json.json("charts", to_text(charts_));
    if (!error_.is_null()) {
        json.json("error", to_text(error_));
    }
    for (const auto& [name, value] : end_.get_ref<const Json::object_t&>()) {
        json.json(name, to_text(value));
    }
}

nlohmann::ordered_json TurnView::snapshot_without_text() const {
    Json snapshot;
    snapshot["text_length"] = text_units_;
    snapshot["phases"] = phases_;
    snapshot["tools"] = tools_;
    snapshot["sources"] = sources_;
    snapshot["charts"] = charts_;
    if (!error_.is_null()) {
        snapshot["error"] = error_;
    }
    snapshot.update(end_);
    return snapshot;
}

} // namespace mr
