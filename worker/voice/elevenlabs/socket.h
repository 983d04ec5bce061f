// One answer through ElevenLabs' WebSocket: clauses go up as they are written, sound comes down on
// one connection, without a request for each. Which sound is of which clause is counted in the
// characters that the provider says it is of.
//
// https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-stream-input
#pragma once

#include "worker/net/ws_client.h"
#include "worker/voice/elevenlabs/speaker.h"

#include <deque>
#include <memory>
#include <string>

namespace mr::voice::elevenlabs {

inline constexpr std::chrono::seconds kSocketKeepAlive{15}; // the provider closes after 20 s
inline constexpr std::size_t kMaxSoundMessageBytes = 4 * 1024 * 1024;

class Socket final : public Work {
  public:
    Socket(const boost::asio::any_io_executor& executor, std::shared_ptr<Core> core,
           std::shared_ptr<SpeechQueue> queue, Utterance utterance);

    boost::asio::awaitable<void> run() override;
    void look() override;

  private:
    // A clause that has been sent.
    struct Sent {
        uint32_t segment = 0;
        std::size_t characters = 0; // that no sound has come for
    };

    boost::asio::awaitable<void> connect();
    boost::asio::awaitable<void> send_clauses();
    boost::asio::awaitable<void> receive_sound();
    net::WsOptions options() const;
    bool take(const std::string& payload); // false: that was all
    void spoken(std::size_t characters);
    void end_segments();

    boost::asio::any_io_executor executor_;
    std::shared_ptr<Core> core_;
    std::shared_ptr<SpeechQueue> queue_;
    Utterance utterance_;
    Signal work_; // for the sender
    Signal room_; // for the receiver
    std::unique_ptr<net::WsConnection> connection_;
    std::deque<Sent> sent_;
    bool heard_ = false;
    bool finished_ = false; // nothing more is sent
};

} // namespace mr::voice::elevenlabs
