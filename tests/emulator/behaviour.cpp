#include "tests/emulator/behaviour.h"

#include <functional>
#include <map>
#include <stdexcept>

namespace mr::emulator {
namespace {

using nlohmann::json;
using Setter = std::function<void(Behaviour&, const json&)>;

template <class T> Setter put(T Behaviour::* member) {
    return [member](Behaviour& b, const json& value) { b.*member = value.get<T>(); };
}

Setter count(std::size_t Behaviour::* member) {
    return [member](Behaviour& b, const json& value) {
        if (!value.is_number_unsigned()) {
            throw std::invalid_argument("not a count");
        }
        b.*member = value.get<std::size_t>();
    };
}

Setter place(std::optional<std::size_t> Behaviour::* member) {
    return [member](Behaviour& b, const json& value) {
        b.*member =
            value.is_null() ? std::nullopt : std::optional<std::size_t>(value.get<std::size_t>());
    };
}

Setter text(std::optional<std::string> Behaviour::* member) {
    return [member](Behaviour& b, const json& value) { b.*member = value.get<std::string>(); };
}

Setter milliseconds(std::chrono::milliseconds Behaviour::* member) {
    return [member](Behaviour& b, const json& value) {
        b.*member = std::chrono::milliseconds(value.get<std::int64_t>());
    };
}

void set_newline(Behaviour& b, const json& value) {
    static const std::map<std::string, std::string> kNames{
        {"lf", "\n"}, {"crlf", "\r\n"}, {"cr", "\r"}};
    b.newline = kNames.at(value.get<std::string>());
}

void set_headers(Behaviour& b, const json& value) {
    b.headers.clear();
    for (const auto& [name, text] : value.items()) {
        b.headers.emplace_back(name, text.get<std::string>());
    }
}

const std::map<std::string, Setter>& setters() {
    using B = Behaviour;
    static const std::map<std::string, Setter> kSetters{
        {"when", put(&B::when)},
        {"text", text(&B::text)},
        {"tokens", count(&B::tokens)},
        {"token_bytes", count(&B::token_bytes)},
        {"name", put(&B::name)},
        {"answer", put(&B::answer)},
        {"tool_calls", put(&B::tool_calls)},
        {"refusal", put(&B::refusal)},
        {"thoughts", put(&B::thoughts)},
        {"finish", put(&B::finish)},
        {"blocked", put(&B::blocked)},
        {"usage", put(&B::usage)},
        {"pending", count(&B::pending)},
        {"page_rows", count(&B::page_rows)},
        {"rate", put(&B::rate)},
        {"first_byte_ms", milliseconds(&B::first_byte)},
        {"hang", put(&B::hang)},
        {"unverified", put(&B::unverified)},
        {"json_instead", put(&B::json_instead)},
        {"status", put(&B::status)},
        {"error", put(&B::error)},
        {"body", text(&B::body)},
        {"content_type", put(&B::content_type)},
        {"unsupported", put(&B::unsupported)},
        {"headers", set_headers},
        {"stall_at", place(&B::stall_at)},
        {"end_at", place(&B::end_at)},
        {"cut_at", place(&B::cut_at)},
        {"reset_at", place(&B::reset_at)},
        {"error_at", place(&B::error_at)},
        {"stall_ms", milliseconds(&B::stall)},
        {"inside", put(&B::inside)},
        {"error_form", put(&B::error_form)},
        {"newline", set_newline},
        {"bom", put(&B::bom)},
        {"last_blank", put(&B::last_blank)},
        {"terminal", put(&B::terminal)},
        {"unknown", put(&B::unknown)},
        {"data_lines", put(&B::data_lines)},
        {"tight", put(&B::tight)},
        {"comments", count(&B::comments)},
        {"pings", count(&B::pings)},
        {"empties", count(&B::empties)},
        {"split", count(&B::split)},
        {"split_at", count(&B::split_at)},
        {"merge", count(&B::merge)},
    };
    return kSetters;
}

} // namespace

Behaviour parse_behaviour(const json& from, const Behaviour& base) {
    if (!from.is_object()) {
        throw std::invalid_argument("a behaviour is an object");
    }
    Behaviour behaviour = base;
    for (const auto& [name, value] : from.items()) {
        const auto found = setters().find(name);
        if (found == setters().end()) {
            throw std::invalid_argument("there is no behaviour \"" + name + "\"");
        }
        try {
            found->second(behaviour, value);
        } catch (const std::exception& error) {
            throw std::invalid_argument("behaviour \"" + name + "\" cannot be " + value.dump() +
                                        ": " + error.what());
        }
    }
    return behaviour;
}

} // namespace mr::emulator
