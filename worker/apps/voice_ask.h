// From a final transcript to a question: put into the session's in lane as if a client had sent it,
// so that it is as safe there as a typed one, waits its turn as one, and is asked once. Its
// message_id is made of the stream and of the utterance's place in it; an utterance that overlaps
// one that was asked before (sound sent again to another worker) is that one.
#pragma once

#include "shared/error_code.h"
#include "worker/apps/app.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mr {

inline constexpr size_t kMaxUtterancesOnTheWay = 16;
// Bounds of the lane, as the gateway keeps them at the most.
inline constexpr uint32_t kVoiceLaneEntries = 512;
inline constexpr uint32_t kVoiceLaneBytes = 16 * 1024 * 1024;

// Where an utterance lies in its stream.
struct UtterancePlace {
    int64_t start_ms = 0;
    int64_t end_ms = 0;
};

std::string utterance_message_id(std::string_view stream_id, UtterancePlace place);
bool is_utterance(std::string_view message_id);
// The one of `known` message ids that is of the same stream and overlaps, if any.
std::string same_utterance(std::string_view stream_id, UtterancePlace place,
                           const std::vector<std::string>& known);

class VoiceAsk : public std::enable_shared_from_this<VoiceAsk> {
  public:
    struct Question {
        std::string message_id;
        std::string text;
        std::string traceparent;
    };

    explicit VoiceAsk(OwnedSession& session);

    // False: too many are on the way.
    bool post(Question question);
    bool busy() const { return running_; }
    void stop() { stopped_ = true; }

    std::function<void(const Question&, ErrorCode)> on_refused;
    std::function<void()> on_quiet;

  private:
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> send(Question question);

    OwnedSession* session_;
    std::deque<Question> questions_;
    uint32_t mails_ = 0;
    bool running_ = false;
    bool stopped_ = false;
};

} // namespace mr
