// Voice in a chat session: its microphones, what they hear becoming questions, and the answers
// being spoken. Made by the first message about sound, and ends with the session. Nothing of it
// survives this worker: a client whose microphone was open is told `voice_lost` by the next owner
// and resumes; what was said is safe as a question in the in lane.
#pragma once

#include "worker/apps/chat_turn.h"
#include "worker/apps/listener_watch.h"
#include "worker/apps/turn_watcher.h"
#include "worker/apps/voice_ask.h"
#include "worker/apps/voice_events.h"
#include "worker/apps/voice_microphone.h"
#include "worker/apps/voice_speaker.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mr {

inline constexpr size_t kMaxLeaving = 2;    // microphones whose last transcript is not there yet
inline constexpr size_t kMaxHeardMail = 64; // that is known when it comes again
inline constexpr std::chrono::milliseconds kPartialEvery{100}; // transcripts that are not final
// Behind the last sound of an answer: a client plays it a little later, and may interrupt it.
inline constexpr std::chrono::milliseconds kStillHeard{2'000};

// An utterance of which nothing has come for so long is not waited for: its speaker has gone.
inline constexpr std::chrono::milliseconds kStillSpeaking{2'000};

// A client that sends sound without a word is not refused again for every frame.
inline constexpr std::chrono::seconds kUnaskedRetry{5};
// Connections whose microphone has gone to another one: sound of theirs may still be on its way.
inline constexpr size_t kMaxLeftConnections = 16;

// What voice needs of the chat session it belongs to.
class VoiceHost {
  public:
    virtual ~VoiceHost() = default;
    virtual bool quiet() const = 0; // no turn runs or waits
    // Stops the turn if it runs, and keeps of its answer what was heard (null: not known, all).
    // `mail` asked for it, if a client did: consumed when that is done.
    virtual void interrupt_turn(const std::string& turn_id, std::optional<size_t> heard_bytes,
                                CancelBy by, const MailItem* mail) = 0;
    // The same for a turn that is not spoken here: what was heard of it is known from the log
    // (VoiceLine::interrupted_past), now or later. Takes over the mail.
    virtual void interrupt_past(const VoiceMessage& message, const MailItem& mail) = 0;
    virtual std::vector<std::string> message_ids() const = 0; // of what runs or waits
};

class VoiceLine final : private MicrophoneOwner, private TurnWatcher {
  public:
    // `services` null: there is no voice here, and every message is told so.
    VoiceLine(OwnedSession& session, const VoiceServices* services, VoiceHost& host);
    VoiceLine(const VoiceLine&) = delete;
    VoiceLine& operator=(const VoiceLine&) = delete;
    ~VoiceLine() override;

    // Every mail of the session, before anything else is done with it.
    void mail_came(const MailItem& item);
    // Consumes the mail, now or when what it asked for is done.
    void message(VoiceMessage message, const MailItem& item);
    // A binary frame, or one of several in a mail, which the caller consumes.
    void audio_frame(ByteView pcm, const MailItem& item);
    void bad_audio(ErrorCode code, std::string_view stream_id); // what was no frame at all

    void turn_begins(ChatTurn& turn);
    // `interrupt` of a turn that is not spoken here. Tells what was heard of it; how much of the
    // answer that is, if that is known.
    std::optional<size_t> interrupted_past(const std::string& turn_id, PastSpeech speech,
                                           std::string_view answer, const VoiceMessage& message);
    // Something is open, on its way or being heard: the session is to be kept.
    bool busy() const;
    // Nothing would be cut short if another worker went on: nobody is speaking, no question is on
    // its way, and no sound is left to be sent.
    bool can_move() const;
    void stop(); // another owner goes on, or nobody: not a word more

  private:
    using Clock = std::chrono::steady_clock;

    struct Utterance { // of one microphone, the newest
        std::string id;
        int64_t start_ms = 0;
        bool begun = false;
        Clock::time_point last_word; // arrived
        Clock::time_point found;     // the end of speech was
        Clock::time_point partial_at;
    };
    struct Line {
        std::shared_ptr<VoiceMicrophone> microphone;
        uint64_t connection = 0;        // whose sound it takes
        uint32_t last_mail = 0;         // of the connection
        bool hole = false;              // mail is missing in front of it, which may have been sound
        std::string name;               // of the stream, in message ids
        std::optional<MailItem> ending; // the voice_stop, until the last transcript is safe
        Utterance utterance;
        std::string traceparent;
        bool resumed = false;
        bool overrun_told = false;
        bool bad_told = false;
    };
    struct Question { // spoken, and asked
        std::string message_id;
        std::string utterance_id;
        VoiceMessage setup; // of its microphone
        bool timed = false; // the times are known
        Clock::time_point last_word;
        Clock::time_point found;
        Clock::time_point final_at;
        std::optional<Clock::time_point> first_token;
    };

    // voice_line.cpp: microphones
    void open(VoiceMessage message, const MailItem& item);
    void resume(VoiceMessage message, const MailItem& item);
    bool release(const VoiceMessage& message, const MailItem& item);
    void retire(uint64_t by);
    void ended(Line& line);
    void refused(ErrorCode code, std::string_view stream_id, std::string_view why);
    void audio(std::string_view bytes, const std::string& stream_id, bool binary,
               const MailItem& item);
    bool heard_before(const MailItem& item);
    void lost(std::string_view stream_id);
    void acknowledge(const Line& line);
    Line* line_of(const VoiceMicrophone& microphone);
    void microphone_open(VoiceMicrophone& microphone) override;
    void microphone_closed(VoiceMicrophone& microphone, std::string why) override;

    // voice_connections.cpp: whose sound they take
    void move_to(uint64_t connection);
    bool is_left(uint64_t connection) const;
    void client_gone();
    bool is_late(const VoiceMessage& message, uint64_t connection) const;
    bool takes(const std::string& stream_id, bool binary, uint64_t connection);

    // voice_hearing.cpp: what they hear
    void microphone_heard(VoiceMicrophone& microphone,
                          const voice::RecognitionEvent& event) override;
    void speech_started(Line& line, const voice::SpeechStarted& event);
    void speech_stopped(Line& line, const voice::SpeechStopped& event);
    void transcript(Line& line, const voice::Transcript& transcript);
    void nothing_said(Line& line, uint64_t at);
    nlohmann::ordered_json transcript_event(const Line& line,
                                            const voice::Transcript& transcript) const;
    bool is_answered(const Line& line, int64_t start_ms) const;
    void tell_final(const Line& line, const voice::Transcript& transcript);
    VoiceAsk::Told when_asked(const Line& line);
    nlohmann::ordered_json event(std::string_view type, const Line& line) const;

    // voice_speaking.cpp: answers
    void turn_text(std::string_view piece) override;
    void turn_doing(std::string_view message) override;
    void turn_stopped() override;
    void turn_over() override;
    void speak(Question question, ChatTurn& turn);
    void interrupt(const VoiceMessage& message, const MailItem& item);
    void playback(const VoiceMessage& message);
    void interrupted(CancelBy by, const MailItem* mail);
    void tell_cancelled(const std::string& turn_id, const Heard& heard);
    void nobody_listens();
    void false_alarm(); // nobody interrupts: what is held back goes on
    void tell_metrics();
    void keep_awake(std::chrono::milliseconds time);

    OwnedSession& session_;
    const VoiceServices* services_;
    VoiceHost& host_;
    VoiceEvents events_;
    std::shared_ptr<VoiceAsk> ask_;
    std::unique_ptr<Line> line_; // the microphone that is open; null: none
    std::vector<std::unique_ptr<Line>> leaving_;
    std::deque<uint64_t> heard_mail_;       // hashes of the names of sound that has come
    std::deque<uint64_t> left_connections_; // see kMaxLeftConnections
    std::deque<Question> asked_;            // whose turn has not begun
    std::shared_ptr<VoiceSpeaker> speaker_; // of the newest spoken answer
    Question speaking_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    ListenerWatch listeners_;
    ListenerWatch clients_; // of the microphone that is open
    boost::asio::steady_timer awake_;
    Clock::time_point awake_until_{};
    Clock::time_point refused_until_{}; // no microphone is opened unasked
    bool lost_told_ = false;
    bool stopped_ = false;
};

} // namespace mr
