#include "bench/peers/socketio_message.h"

namespace mr::bench {
namespace {

// MessagePack, as much of it as is needed.
void put_text(std::string& out, std::string_view text) {
    if (text.size() < 32) {
        out += static_cast<char>(0xA0 | text.size());
    } else {
        out += '\xDA';
        out += static_cast<char>(text.size() >> 8);
        out += static_cast<char>(text.size() & 0xFF);
    }
    out += text;
}

void put_number(std::string& out, uint64_t number) {
    out += '\xCF';
    for (int shift = 56; shift >= 0; shift -= 8) {
        out += static_cast<char>((number >> shift) & 0xFF);
    }
}

void put_array(std::string& out, size_t size) {
    out += static_cast<char>(0x90 | size);
}

void put_map(std::string& out, size_t size) {
    out += static_cast<char>(0x80 | size);
}

} // namespace

std::string socketio_message(const PeerStart& start, const PeerStamp& stamp) {
    constexpr char kEventType = 2;
    std::string out;
    put_array(out, 3);
    put_text(out, "emitter");
    put_map(out, 3);
    put_text(out, "type");
    out += kEventType;
    put_text(out, "data");
    put_array(out, 2);
    put_text(out, "event");
    put_map(out, 3);
    put_text(out, "seq");
    put_number(out, stamp.seq);
    put_text(out, "due_ns");
    put_number(out, static_cast<uint64_t>(stamp.due_ns));
    put_text(out, "text");
    std::string text;
    append_filler(text, start.bytes);
    put_text(out, text);
    put_text(out, "nsp");
    put_text(out, "/");
    put_map(out, 3);
    put_text(out, "rooms");
    put_array(out, 1);
    put_text(out, start.session);
    put_text(out, "except");
    put_array(out, 0);
    put_text(out, "flags");
    put_map(out, 0);
    return out;
}

std::string socketio_stream_data(const PeerStart& start, const PeerStamp& stamp) {
    std::string out = R"({"packet":{"type":2,"data":["event",)";
    append_event(out, stamp, start.bytes);
    out += R"(],"nsp":"/"},"opts":{"rooms":[")";
    out += start.session;
    out += R"("],"except":[],"flags":{}}})";
    return out;
}

} // namespace mr::bench
