// A chat session over one connection (docs/protocol.md, mr.v2): asks, follows its turn, comes back
// where it left after a loss, and judges what it is sent: every event once, in order, the text
// whole.
#pragma once

#include "bench/load/client.h"
#include "bench/load/event_view.h"

#include <cstdint>
#include <string>

namespace mr::bench {

// What must not be. All but `lost_turns` are violations of the protocol's promises.
struct Exactness {
    uint64_t repeated = 0;   // an event with an id that was there before
    uint64_t gaps = 0;       // an id was left out
    uint64_t text_gaps = 0;  // a text_chunk does not go on where the last one ended
    uint64_t wrong_ends = 0; // response_complete says another length
    uint64_t not_recovered = 0;
    uint64_t violations() const { return repeated + gaps + text_gaps + wrong_ends; }
    void add(const Exactness& other);
};

// Times in ns of the monotonic clock; 0: it has not been.
struct Turn {
    int64_t planned = 0; // when it should have been asked
    int64_t asked = 0;
    int64_t first_event = 0;
    int64_t first_text = 0;
    int64_t last_text = 0;
    int64_t ended = 0;
    int64_t longest_gap = 0;
    uint64_t chunks = 0;
    uint64_t interruptions = 0; // connections lost on the way
    bool ok = false;
};

class Session;

class SessionOwner {
  public:
    virtual void session_ready(Session&, bool resumed) = 0; // greeted: it may ask
    virtual void session_turn_over(Session&) = 0;           // turn() has it
    // The connection is gone; session.come_back() resumes. A turn that ran still runs.
    virtual void session_lost(Session&, const std::string& why) = 0;
    virtual void session_event(Session&, const EventView&, int64_t) {}
    virtual void session_sound(Session&, std::span<const uint8_t>, int64_t) {}
    virtual void session_chunk(Session&, const EventView&, int64_t, int64_t /*since the last*/) {}

  protected:
    ~SessionOwner() = default;
};

class Session final : private ClientOwner {
  public:
    Session(Clients& clients, SessionOwner& owner, uint64_t own_number)
        : number(own_number), owner_(owner), client_(clients, *this) {}

    const uint64_t number;

    void open(); // a new session, or the same one again behind its last event
    bool ask(std::string_view question, int64_t planned_ns);              // false: it is not ready
    bool send(std::string_view message) { return client_.send(message); } // JSON of the caller's
    bool send_sound(ByteView samples) { return client_.send_binary(samples); }
    // A turn will begin that is not asked for in words.
    void expect_turn(int64_t planned_ns);
    void leave();  // by the closing handshake
    void vanish(); // by a reset
    void forget(); // the next open() is a session of its own

    bool ready() const { return ready_ && !asking_; }
    bool asking() const { return asking_; }
    bool connected() const { return ready_; }
    const Turn& turn() const { return turn_; }
    const Exactness& exactness() const { return exactness_; }
    Client& client() { return client_; }

  private:
    void client_open(Client&) override {}
    void client_text(Client& client, std::string_view message) override;
    void client_binary(Client&, std::span<const uint8_t> bytes) override;
    void client_ended(Client& client, const std::string& why) override;
    void greeted(const EventView& event);
    bool take_id(const EventView& event);
    void take_text(const EventView& event, int64_t now);
    void take_end(const EventView& event, int64_t now);

    SessionOwner& owner_;
    Client client_;
    std::string token_;
    std::string unacknowledged_;   // the question, until turn_start
    uint64_t epoch_ = 0, seq_ = 0; // of the last event
    bool ready_ = false;
    bool asking_ = false;
    bool was_open_ = false;
    bool snapshot_ = false; // the text was replaced by one: its length is known, not its chunks
    uint64_t units_ = 0;    // of the turn's text so far
    uint64_t asked_ = 0;
    Turn turn_;
    Exactness exactness_;
};

} // namespace mr::bench
