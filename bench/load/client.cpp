#include "bench/load/client.h"

#include "bench/load/clock.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstring>

namespace mr::bench {
namespace {

constexpr size_t kReadBytes = 128 * 1024;
constexpr int kReadsAtOnce = 16; // then other connections get their turn
constexpr size_t kMaxMessageBytes = 64 << 20;

// Masks only have to be unpredictable to proxies between browsers and servers; a load generator
// draws them from a counter that is stirred, and does not pay a system call for each.
uint32_t draw_mask(void*) {
    static thread_local uint64_t state = static_cast<uint64_t>(now_ns());
    state += 0x9E3779B97F4A7C15ULL;
    uint64_t z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ULL;
    return static_cast<uint32_t>(z ^ (z >> 31));
}

} // namespace

void Client::connect(std::string subprotocols, std::string path) {
    drop();
    subprotocols_ = std::move(subprotocols);
    path_ = path.empty() ? clients_.target.path : std::move(path);
    refused_status_ = 0;
    open_ = 0;
    bytes_read_ = 0;
    if (!wire_.open()) {
        clients_.loop.at(0, [this, life = life_] {
            if (life == life_) {
                ended(wire_.why());
            }
        });
    }
}

void Client::ready(uint32_t events) {
    const uint64_t life = life_;
    if (!ws_) {
        go_on();
        return;
    }
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        allowed_ = UINT64_MAX; // nobody will send more: what is left, and the end
    }
    if (life == life_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && allowed_ != 0) {
        read();
    }
}

void Client::go_on() {
    const int step = wire_.go_on();
    if (step > 0) {
        start_upgrade();
    } else if (step < 0) {
        ended(wire_.why());
    }
}

void Client::start_upgrade() {
    options_.target = {clients_.target.header, path_, subprotocols_, {}};
    options_.limits.max_frame_bytes = options_.limits.max_message_bytes = kMaxMessageBytes;
    ws_ = std::make_unique<WsClient>(options_, WsMasks{draw_mask, nullptr});
    uint8_t key[kWsKeyRandomBytes];
    for (size_t i = 0; i < sizeof(key); i += sizeof(uint32_t)) {
        const uint32_t bits = draw_mask(nullptr);
        std::memcpy(key + i, &bits, sizeof(bits));
    }
    if (const char* problem = ws_->start(key)) {
        return ended(std::string("upgrade: ") + problem);
    }
    flush();
}

void Client::flush() {
    while (ws_ && !ws_->output().empty()) {
        const ssize_t sent = wire_.write(ws_->output());
        if (sent < 0) {
            return ended(wire_.why());
        }
        if (sent == 0) {
            break;
        }
        ws_->spend(static_cast<size_t>(sent));
    }
    const uint32_t writing = ws_->output().empty() ? 0u : EPOLLOUT;
    wire_.want((allowed_ == 0 ? 0u : EPOLLIN) | writing);
}

void Client::read() {
    static thread_local std::vector<uint8_t> buffer(kReadBytes);
    const uint64_t life = life_;
    for (int i = 0; i < kReadsAtOnce && allowed_ != 0; ++i) {
        const size_t room = std::min<uint64_t>(buffer.size(), allowed_);
        const ssize_t got = wire_.read({buffer.data(), room});
        if (got < 0) {
            return ended(wire_.why());
        }
        if (got == 0) {
            break;
        }
        const auto count = static_cast<size_t>(got);
        bytes_read_ += count;
        allowed_ -= allowed_ != UINT64_MAX ? count : 0;
        take({buffer.data(), count});
        if (life != life_) {
            return;
        }
        if (!wire_.encrypted() && count < room) {
            break;
        }
    }
    if (!ws_->output().empty() || allowed_ == 0) {
        flush();
    }
}

void Client::take(std::span<uint8_t> input) {
    const uint64_t life = life_;
    while (life == life_) {
        const WsClientEvent event = ws_->next(input);
        switch (event.kind) {
        case WsClientEventKind::need_more:
            return;
        case WsClientEventKind::upgraded:
            open_ = now_ns();
            owner_.client_open(*this);
            break;
        case WsClientEventKind::refused:
            refused_status_ = ws_->response().status;
            return ended("upgrade: refused with " + std::to_string(refused_status_));
        case WsClientEventKind::broken:
            return ended(std::string("upgrade: ") + event.text);
        case WsClientEventKind::data:
            if (event.opcode == Opcode::text) {
                owner_.client_text(*this, as_text(event.payload));
            } else {
                owner_.client_binary(*this, event.payload);
            }
            break;
        case WsClientEventKind::violation:
            return ended(std::string("the server broke a rule: ") + event.text);
        case WsClientEventKind::close:
            flush();
            if (life == life_) {
                ended("closed with " + std::to_string(event.close_code));
            }
            return;
        case WsClientEventKind::ping:
        case WsClientEventKind::pong:
            break;
        }
    }
}

bool Client::send(std::string_view text) {
    if (!is_open() || ws_->send(Opcode::text, as_bytes(text)) != WsSend::queued) {
        return false;
    }
    flush();
    return true;
}

bool Client::send_binary(ByteView bytes) {
    if (!is_open() || ws_->send(Opcode::binary, bytes) != WsSend::queued) {
        return false;
    }
    flush();
    return true;
}

void Client::close(CloseCode code) {
    if (is_open()) {
        ws_->close(code);
        flush();
    } else if (!is_idle()) {
        ended("given up");
    }
}

void Client::allow(uint64_t bytes) {
    allowed_ = bytes;
    if (!ws_) {
        return;
    }
    flush();
    if (wire_.encrypted()) { // TLS may hold what the socket does not tell of
        clients_.loop.at(0, [this, life = life_] {
            if (life == life_ && allowed_ != 0) {
                read();
            }
        });
    }
}

void Client::drop() {
    if (wire_.is_open()) {
        ++life_;
        wire_.close();
        ws_.reset();
    }
}

void Client::reset() {
    if (wire_.is_open()) {
        ++life_;
        wire_.close_by_reset();
        ws_.reset();
    }
}

void Client::ended(const std::string& why) {
    drop();
    owner_.client_ended(*this, why);
}

} // namespace mr::bench
