#include "tests/emulator/answer.h"

#include <cstdio>

namespace mr::emulator {

Tokens Tokens::of_text(std::string_view text) {
    auto list = std::make_shared<std::vector<std::string>>();
    std::size_t begin = 0;
    while (begin < text.size()) {
        std::size_t end = text.find_first_of(" \n", begin);
        end = end == std::string_view::npos ? text.size() : text.find_first_not_of(" \n", end);
        end = std::min(end, text.size());
        list->emplace_back(text.substr(begin, end - begin));
        begin = end;
    }
    Tokens tokens;
    tokens.given_ = std::move(list);
    return tokens;
}

Tokens Tokens::numbered(std::string name, std::size_t count, std::size_t padding) {
    Tokens tokens;
    tokens.name_ = std::move(name);
    tokens.count_ = count;
    tokens.padding_ = padding;
    return tokens;
}

std::string Tokens::at(std::size_t index) const {
    if (given_) {
        return (*given_)[index];
    }
    std::string number = std::to_string(index);
    number.insert(0, number.size() < 4 ? 4 - number.size() : 0, '0');
    return name_ + "word" + number + std::string(padding_, 'x') + " ";
}

std::string Tokens::whole() const {
    std::string text;
    for (std::size_t i = 0; i < count(); ++i) {
        text += at(i);
    }
    return text;
}

std::string dump(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Answer json_answer(int status, const nlohmann::json& body, Headers headers) {
    Answer answer;
    answer.status = status;
    answer.body = dump(body);
    answer.headers = std::move(headers);
    return answer;
}

} // namespace mr::emulator
