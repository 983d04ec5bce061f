// From a final transcript to a question: put into the session's in lane as if a client had sent it,
// so that it is as safe there as a typed one, waits its turn as one, and is asked once. Its
// message_id is made of the stream and of the utterance's place in it; an utterance that overlaps
// one that was asked before (sound sent again to another worker) is that one. One after the other,
// in the order in which they were heard; told of only when they are safe.
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
inline constexpr size_t kMaxKnownIds = 512; // of utterances that were asked: the latest
// Bounds of the lane, as the gateway keeps them at the most.
inline constexpr uint32_t kVoiceLaneEntries = 512;
inline constexpr uint32_t kVoiceLaneBytes = 16 * 1024 * 1024;

// Where an utterance lies in its stream.
struct UtterancePlace {
    int64_t start_ms = 0;
    int64_t end_ms = 0;
};

std::string utterance_message_id(std::string_view stream, UtterancePlace place);
bool is_utterance(std::string_view message_id);
bool is_of_stream(std::string_view message_id, std::string_view stream);
// What begins there in the stream was said before that utterance, or with it.
bool begins_before_end(std::string_view message_id, std::string_view stream, int64_t start_ms);
// The one of `known` message ids that is of the same stream and overlaps, if any.
std::string same_utterance(std::string_view stream, UtterancePlace place,
                           const std::vector<std::string>& known);

class VoiceAsk : public std::enable_shared_from_this<VoiceAsk> {
  public:
    using Told = std::function<void(const std::string& message_id)>;
    struct Utterance {
        std::string stream; // name that its message_id is made of
        UtterancePlace place;
        std::string text; // empty: asks nothing, and waits for those before it
        std::string traceparent;
        Told asking;  // may be empty: it was not asked before, and is about to be stored
        Told settled; // it is in the lane, or was before; no message_id: nothing is asked
    };

    explicit VoiceAsk(OwnedSession& session);

    // False: too many are on the way.
    bool post(Utterance utterance);
    bool busy() const { return running_; }
    void stop() { stopped_ = true; } // neither calls back any more nor puts anything into the lane
    // Its turn is about to begin, so it is in the lane: settled, if it was not known yet. The reply
    // may have been lost, and clients are to hear what was understood before they hear of its turn.
    void turn_begins(const std::string& message_id);
    // Sound comes that another owner may have heard: what it has asked counts as known.
    void resumed() { known_loaded_ = false; }
    // The stream is a new one.
    void forget(std::string_view stream);

    std::function<std::vector<std::string>()> running_ids; // of what runs or waits
    std::function<void(const std::string& message_id, ErrorCode)> on_refused;
    std::function<void()> on_quiet;

  private:
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> load_known();
    boost::asio::awaitable<std::string> ask(Utterance utterance);
    boost::asio::awaitable<bool> store(std::string message_id, Utterance utterance);
    std::string asked_before(const Utterance& utterance) const;
    void remember(const std::string& message_id);
    void settle(const std::string& message_id);
    bool going_on() const { return !stopped_ && session_->store.alive(); }

    OwnedSession* session_;
    std::deque<Utterance> utterances_;
    std::vector<std::string> known_; // ids of what was asked, of this and other owners
    std::string storing_;            // message_id of the one that is being stored
    Told settled_;                   // of the one that is on the way; empty: called
    uint32_t mails_ = 0;
    bool known_loaded_ = true;
    bool running_ = false;
    bool stopped_ = false;
};

} // namespace mr
