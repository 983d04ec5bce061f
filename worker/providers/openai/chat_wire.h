// Chat Completions on the wire: request bodies out of an AnswerRequest; chat_reply.h reads what
// comes back. Pure.
//
// https://platform.openai.com/docs/api-reference/chat
#pragma once

#include "worker/providers/interfaces.h"

#include <string>
#include <string_view>

namespace mr::openai {

inline constexpr std::size_t kHistoryMessages = 8;
inline constexpr std::size_t kHistoryCodePoints = 1'000;
inline constexpr std::size_t kMaxVisualizationBytes = 16 * 1024;
inline constexpr std::size_t kMaxDeliveredBytes = 64 * 1024; // the end of what was delivered

// Parts of a request that a server or model may refuse; each is dropped for good once it has been.
struct Features {
    bool stream = true;
    bool stream_options = true; // usage at the end of a stream
};

std::string request_body(const AnswerRequest& request, std::string_view model,
                         const Features& features);

} // namespace mr::openai
