// The bytes that travel in the lanes, little-endian, version byte first.
//
// Out lane: a *batch* is one stream entry (field `d`) and, byte for byte, one publication. Either
// `events`: consecutive events of one epoch, or `takeover`: the record `<epoch>-0` that a claim
// writes, naming the id before it.
//   header   u8 version · u8 kind · u16 count · u64 epoch · u64 first_seq
//   takeover u64 prev.epoch · u64 prev.seq · u32 attempt          (first_seq 0, count 1)
//   event    u8 flags · u8[3] zero · u32 length · u32 v1_length · bytes
// The stream id of a batch is `<epoch>-<first_seq + count - 1>`: the id of its last event.
//
// A batch of events with kEventLiveOnly has no others and is a publication alone. Its first_seq is
// the number of the logged event that comes next, whatever its count: so much has to be in front of
// it. It takes no number itself.
//
// In lane: *mail*, one client frame, several (mail_batch.h) or a note of the gateway, opaque to
// Redis. Its live copy is the
// 64-bit sequence number followed by the same bytes.
//   u8 version · u8 kind · u8 flags · u8 trace_length · u64 connection · u32 number
//   then trace · payload
// Connection and number name it: sent or stored again it is the same, and no other is like it.
//
// Encoding appends to a Buffer (false: out of memory). Decoding never copies: views point into the
// input; malformed input yields nullopt and is never trusted further.
#pragma once

#include "shared/buffer.h"
#include "shared/bytes.h"
#include "shared/ids.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace mr {

inline constexpr uint8_t kEnvelopeVersion = 1;
inline constexpr char kEntryField[] = "d"; // the one field of a lane's stream entries
inline constexpr size_t kBatchHeaderBytes = 20;
inline constexpr size_t kTakeoverBytes = kBatchHeaderBytes + 20;
inline constexpr size_t kEventHeaderBytes = 12;
inline constexpr size_t kMailHeaderBytes = 16;
inline constexpr uint32_t kMaxTurnTag = 0xFFFFFF;
inline constexpr uint32_t kMaxBatchEvents = 256;
// One event may be longer than this, alone. What a gateway queues for a slow client is bounded by
// it.
inline constexpr size_t kMaxBatchBytes = 64 * 1024;

enum class BatchKind : uint8_t { events = 1, takeover = 2 };

enum EventFlag : uint8_t {
    kEventBinary = 1 << 0,   // goes out as a binary frame; otherwise text
    kEventV2Only = 1 << 1,   // not sent to clients without the subprotocol mr.v2
    kEventTerminal = 1 << 2, // ends its turn: nothing is in flight for the session behind it
    kEventLiveOnly = 1 << 3, // published, never logged (spoken audio)
    kEventAnswer = 1 << 4,   // the one object for an HTTP request (one_answer.h), for nobody else
};

struct BatchHeader {
    BatchKind kind = BatchKind::events;
    uint16_t count = 0;
    uint64_t epoch = 0;
    uint64_t first_seq = 0;
    EventId prev;         // takeover only
    uint32_t attempt = 0; // takeover only; 1 = first owner since the session was last idle

    EventId last() const { return {epoch, first_seq + count - 1}; }
};

// A turn's place in the header of its events, 1 to kMaxTurnTag: so that followers can tell one turn
// from the next without reading JSON. Two turns of a session may share one, once in 16 million.
uint32_t turn_tag(std::string_view turn_id);

struct EventView {
    uint8_t flags = 0;
    uint32_t turn = 0; // tag; 0: of no turn
    ByteView bytes;
    // Strict v1 form: the first v1_length bytes of a JSON object text followed by '}'. 0: none.
    uint32_t v1_length = 0;
};

// Builds a batch of events in a Buffer: begin, add…, and the buffer holds the finished bytes.
class BatchWriter {
  public:
    explicit BatchWriter(Buffer& out) : out_(out) {}

    bool begin(uint64_t epoch, uint64_t first_seq);
    bool add(uint8_t flags, ByteView bytes, uint32_t v1_length = 0, uint32_t turn = 0);
    uint16_t count() const { return count_; }

  private:
    Buffer& out_;
    size_t start_ = 0;
    uint16_t count_ = 0;
};

// Walks a batch: header first, then `next` until it returns nullopt. `ok()` tells a clean end from
// malformed bytes.
class BatchReader {
  public:
    static std::optional<BatchReader> open(ByteView bytes);

    const BatchHeader& header() const { return header_; }
    std::optional<EventView> next();
    bool ok() const { return ok_; }

  private:
    BatchHeader header_;
    ByteView rest_;
    uint16_t left_ = 0;
    bool ok_ = true;
};

bool encode_takeover(Buffer& out, uint64_t epoch, EventId prev, uint32_t attempt);

enum class MailKind : uint8_t {
    text = 1,    // a text message of a client
    binary = 2,  // a binary message of a client
    http = 3,    // a request body of the HTTP endpoints
    attach = 4,  // a connection joined a session with a running turn
    detach = 5,  // the last connection of a session with a running turn went away
    abandon = 6, // the HTTP request `connection` has gone: what it asked for is to be cancelled
    batch = 7,   // several messages of a client (mail_batch.h)
    credit = 8,  // how much of an answer in pieces the HTTP request `connection` has given away
};

enum MailFlag : uint8_t {
    kMailV2 = 1 << 0,     // the connection speaks mr.v2
    kMailAnswer = 1 << 1, // `connection` waits for one object in answer to this mail
    kMailVoice = 1 << 2,  // `connection` may be spoken to
};

struct Mail {
    MailKind kind = MailKind::text;
    uint8_t flags = 0;
    uint64_t connection = 0;      // unique over all gateways; names the connection in answers
    uint32_t number = 0;          // among the mail of its connection, from 1
    std::string_view traceparent; // W3C trace context of the handshake, or empty; ≤ 255 bytes
    ByteView payload;
};

bool encode_mail(Buffer& out, const Mail& mail);
std::optional<Mail> decode_mail(ByteView bytes);

// A snapshot value: which events of the log it stands for, then one complete `text_snapshot` event.
//   u8 version · u8 flags · u64 since.epoch · u64 since.seq · u64 id.epoch · u64 id.seq · event
inline constexpr size_t kSnapshotHeaderBytes = 34;

enum SnapshotFlag : uint8_t {
    kSnapshotCut = 1 << 0,   // its text is only the beginning of the answer's
    kSnapshotEnded = 1 << 1, // its last event is the terminal one
};

struct Snapshot {
    EventId since; // the newest event before the turn's first
    EventId id;    // the newest event it stands for
    uint8_t flags = 0;
    std::string_view event;
};
bool encode_snapshot(Buffer& out, const Snapshot& snapshot);
std::optional<Snapshot> decode_snapshot(ByteView bytes);
// The header alone suffices; `event` is then empty.
std::optional<Snapshot> decode_snapshot_header(ByteView bytes);

} // namespace mr
