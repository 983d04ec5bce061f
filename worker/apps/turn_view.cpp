#include "worker/apps/turn_view.h"

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

} // namespace

void TurnView::append_text(std::string_view piece) {
    append(*text_, piece);
    text_units_ += utf16_length(piece);
}

// Start and completion of the same thing become one entry. A copy has no more room than it needs.
void TurnView::merge(Json& list, const char* key, const Json& entry) {
    if (!entry.contains(key)) {
        return;
    }
    for (Json& known : list) {
        if (known.value(key, Json()) == entry[key]) {
            known.update(entry);
            known = Json(known);
            return;
        }
    }
    list.push_back(entry);
}

void TurnView::apply(const Json& v1, const Json& added) {
    Json fields = v1;
    if (added.is_object()) {
        fields.update(added);
    }
    const std::string type = fields.value("type", "");
    for (const char* stamp : {"type", "turn_id", "id", "ts"}) {
        fields.erase(stamp);
    }
    if (type == "phase_start" || type == "phase_complete") {
        merge(phases_, "phase", fields);
    } else if (type == "tool_start" || type == "tool_complete") {
        merge(tools_, "tool", fields);
    } else if (type == "chart") {
        merge(charts_, "chart_id", fields);
    } else if (type == "sources" || type == "response_complete") {
        if (fields.contains("sources") && fields["sources"].is_array()) {
            sources_ = fields["sources"];
        }
        for (const char* told_at_end : {"timings", "usage", "trace_id"}) {
            if (fields.contains(told_at_end)) {
                end_[told_at_end] = fields[told_at_end];
            }
        }
    } else if (type == "error") {
        error_ = std::move(fields);
    } else if (type == "text_chunk" && fields.contains("content")) {
        append_text(fields["content"].get<std::string>());
    }
}

bool TurnView::has_told(const Json& v1) const {
    // `mark`: the field that only the completion brings into the merged entry.
    struct Kind {
        const char* type;
        const Json& list;
        const char* key;
        const char* mark;
    };
    const Kind kinds[] = {
        {"phase_start", phases_, "phase", "phase"}, {"phase_complete", phases_, "phase", "data"},
        {"tool_start", tools_, "tool", "tool"},     {"tool_complete", tools_, "tool", "summary"},
        {"chart", charts_, "chart_id", "chart_id"},
    };
    const std::string type = v1.value("type", "");
    for (const Kind& kind : kinds) {
        if (type == kind.type) {
            return std::any_of(kind.list.begin(), kind.list.end(), [&](const Json& known) {
                return known.value(kind.key, Json()) == v1.value(kind.key, Json()) &&
                       known.contains(kind.mark);
            });
        }
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
