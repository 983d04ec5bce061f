#include "ngx_mr_ws_module/deflate.h"

#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/violation.h"
#include "shared/ws_deflate.h"

#include <new>

namespace mr {
namespace {

// Of this process, made when the first compressed message comes or goes. Pointers, because static
// destructors would run when nginx has freed its memory already.
struct Process {
    MessageDeflater* deflater;
    Buffer* packed;
    MessageInflater* idle[kIdleInflaters];
    size_t idle_count;
};
Process process;

template <typename Type> Type* make() {
    void* memory = std::malloc(sizeof(Type));
    return memory == nullptr ? nullptr : new (memory) Type;
}

template <typename Type> void destroy(Type* object) {
    if (object != nullptr) {
        object->~Type();
        std::free(object);
    }
}

MessageInflater* take_inflater() {
    if (process.idle_count > 0) {
        return process.idle[--process.idle_count];
    }
    auto* inflater = make<MessageInflater>();
    if (inflater != nullptr && !inflater->open()) {
        destroy(inflater);
        return nullptr;
    }
    return inflater;
}

size_t total_bytes(std::span<const ByteView> parts) {
    size_t total = 0;
    for (const ByteView part : parts) {
        total += part.size();
    }
    return total;
}

// The compressed form, or null where there is none to send.
Buffer* compress(const Connection& connection, std::span<const ByteView> parts) {
    const LocationConf& conf = *connection.conf;
    const size_t total = total_bytes(parts);
    if (total < conf.deflate_min_size || total > kMaxDeflateBytes) {
        return nullptr;
    }
    if (process.deflater == nullptr) {
        process.deflater = make<MessageDeflater>();
    }
    if (process.packed == nullptr) {
        process.packed = make<Buffer>();
    }
    if (process.deflater == nullptr || process.packed == nullptr ||
        !process.deflater->compress(parts, static_cast<int>(conf.deflate_level),
                                    connection.deflate_bits, *process.packed)) {
        return nullptr; // it goes out as it is
    }
    return process.packed->size() < total ? process.packed : nullptr;
}

void trim_packed() {
    if (process.packed != nullptr && process.packed->capacity() > kKeptDeflateBytes) {
        process.packed->release();
    }
}

} // namespace

bool deflate_input(Connection& connection, const FrameEvent& event) noexcept {
    if (event.message_start) {
        connection.inflater = take_inflater();
        if (connection.inflater == nullptr) {
            connection_close(connection, CloseCode::try_again_later, "out of memory");
            return false;
        }
        connection.inflater->start(event.opcode == Opcode::text);
    }
    const LocationConf& conf = *connection.conf;
    const InflateLimits limits = {conf.max_message, static_cast<uint32_t>(conf.deflate_max_ratio)};
    const size_t before = connection.message.size();
    const InflateError error =
        connection.inflater->feed(event.payload, event.message_end, limits, connection.message);
    metric_add(Metric::deflate_in_compressed, event.payload.size());
    metric_add(Metric::deflate_in_plain, connection.message.size() - before);
    if (error || event.message_end) {
        deflate_release(connection);
    }
    if (!error) {
        return true;
    }
    if (error.code == CloseCode::try_again_later) {
        connection_close(connection, error.code, error.text);
    } else {
        violation_found(connection, error.code, error.text);
    }
    return false;
}

bool deflate_append(Connection& connection, Opcode opcode,
                    std::span<const ByteView> parts) noexcept {
    if (connection.deflate_bits == 0 || is_control(opcode)) {
        return connection.output.append_frame(opcode, parts);
    }
    const Buffer* packed = compress(connection, parts);
    if (packed == nullptr) {
        return connection.output.append_frame(opcode, parts);
    }
    const ByteView payload = packed->view();
    const bool queued = connection.output.append_frame(opcode, {&payload, 1}, true);
    if (queued) {
        metric_add(Metric::deflate_out_compressed, payload.size());
        metric_add(Metric::deflate_out_plain, total_bytes(parts));
    }
    trim_packed();
    return queued;
}

void deflate_release(Connection& connection) noexcept {
    MessageInflater* inflater = connection.inflater;
    connection.inflater = nullptr;
    if (inflater == nullptr) {
        return;
    }
    if (process.idle_count < kIdleInflaters) {
        process.idle[process.idle_count++] = inflater;
    } else {
        destroy(inflater);
    }
}

void deflate_exit() noexcept {
    while (process.idle_count > 0) {
        destroy(process.idle[--process.idle_count]);
    }
    destroy(process.deflater);
    destroy(process.packed);
    process = {};
}

} // namespace mr
