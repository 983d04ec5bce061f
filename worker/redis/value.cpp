#include "worker/redis/value.h"

#include <boost/system/system_error.hpp>

namespace mr::redis {

std::string_view failure_name(Failure failure) {
    switch (failure) {
    case Failure::none:
        return "no failure";
    case Failure::not_connected:
        return "not connected";
    case Failure::connection_lost:
        return "connection lost";
    case Failure::timed_out:
        return "no reply within the deadline";
    }
    return "unknown";
}

Value Value::copy(const Reply& reply) {
    Value value;
    value.type = reply.type();
    value.integer = reply.integer();
    value.text = reply.text();
    value.elements.reserve(reply.size());
    for (size_t i = 0; i < reply.size(); ++i) {
        value.elements.push_back(copy(reply[i]));
    }
    return value;
}

const Value& Value::at(size_t index) const {
    static const Value kNil;
    return index < elements.size() ? elements[index] : kNil;
}

std::string cause_of(const std::exception& error) {
    const auto* system = dynamic_cast<const boost::system::system_error*>(&error);
    return system != nullptr ? system->code().message() : error.what();
}

bool passing_error(std::string_view text) {
    for (const std::string_view code :
         {"OOM", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY",
          "NOREPLICAS", "MISCONF", "UNBLOCKED", "NOSCRIPT"}) {
        if (text.starts_with(code) && !text.starts_with("BUSYGROUP")) {
            return true;
        }
    }
    return false;
}

} // namespace mr::redis
