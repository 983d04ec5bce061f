#include "tests/emulator/record.h"

namespace mr::emulator {
namespace {

using nlohmann::json;

json seconds(const std::optional<Clock::time_point>& time) {
    if (!time) {
        return nullptr;
    }
    return std::chrono::duration<double>(time->time_since_epoch()).count();
}

} // namespace

json Record::to_json() const {
    json out;
    out["id"] = id;
    out["provider"] = provider;
    out["endpoint"] = endpoint;
    out["method"] = request.method;
    out["path"] = request.path;
    out["query"] = request.query;
    out["host"] = request.host;
    out["version"] = request.version;
    out["secure"] = request.secure;
    out["connection"] = request.connection;
    json headers = json::object();
    for (const auto& [name, value] : request.headers) {
        headers[name] = value; // the last of several
    }
    out["headers"] = std::move(headers);
    out["body"] = request.body;
    const json parsed = json::parse(request.body, nullptr, false);
    out["json"] = parsed.is_discarded() ? json() : parsed;
    out["status"] = status;
    out["problem"] = problem;
    out["notes"] = notes;
    out["outcome"] = outcome;
    out["sent_bytes"] = sent_bytes;
    out["tokens"] = tokens;
    out["dialogue"] = dialogue;
    out["begun"] = seconds(request.begun);
    out["arrived"] = seconds(request.arrived);
    out["first_byte"] = seconds(first_byte);
    out["first_token"] = seconds(first_token);
    out["last_token"] = seconds(last_token);
    out["ended"] = seconds(ended);
    out["closed"] = seconds(closed);
    return out;
}

std::shared_ptr<Record> Records::add(Request request) {
    auto record = std::make_shared<Record>();
    record->id = ++last_id_;
    bytes_ += request.body.size();
    record->request = std::move(request);
    records_.push_back(record);
    while (records_.size() > kMaxRecords || (bytes_ > kMaxRecordedBytes && records_.size() > 1)) {
        bytes_ -= records_.front()->request.body.size();
        records_.pop_front();
        ++dropped_;
    }
    return record;
}

void Records::clear() {
    records_.clear();
    bytes_ = 0;
    dropped_ = 0;
}

json Records::to_json(const std::string& provider, std::uint64_t after) const {
    json list = json::array();
    for (const auto& record : records_) {
        if (record->id > after && (provider.empty() || record->provider == provider)) {
            list.push_back(record->to_json());
        }
    }
    return list;
}

} // namespace mr::emulator
