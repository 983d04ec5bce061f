#include "ngx_mr_ws_module/metrics_page.h"

#include "ngx_mr_ws_module/http_answer.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/shared_zone.h"
#include "shared/ids.h"
#include "shared/keys.h"

namespace mr {
namespace {

constexpr size_t kMaxPageChars = 64 * 1024;
constexpr uint64_t kMicrosecondsPerSecond = 1000000;

const char* type_name(MetricType type) {
    switch (type) {
    case MetricType::counter:
        return "counter";
    case MetricType::gauge:
        return "gauge";
    case MetricType::summary:
        return "summary";
    }
    return "untyped";
}

// In the request's pool. What would not fit is left out whole: a test reads every row.
class Page {
  public:
    explicit Page(ngx_pool_t* pool) noexcept
        : chars_(static_cast<char*>(ngx_pnalloc(pool, kMaxPageChars))) {}

    bool ok() const { return chars_ != nullptr; }
    // Without the last end of line, which the answer adds.
    std::string_view view() const { return {chars_, length_ == 0 ? 0 : length_ - 1}; }

    Page& put(std::string_view text) {
        if (text.size() <= kMaxPageChars - length_) {
            std::memcpy(chars_ + length_, text.data(), text.size());
            length_ += text.size();
        }
        return *this;
    }
    Page& number(uint64_t value) {
        char digits[20];
        return put({digits, format_decimal(value, digits)});
    }
    // Microseconds as seconds.
    Page& seconds(uint64_t micros) {
        char fraction[6];
        uint64_t rest = micros % kMicrosecondsPerSecond;
        for (size_t i = sizeof(fraction); i-- > 0; rest /= 10) {
            fraction[i] = static_cast<char>('0' + rest % 10);
        }
        return number(micros / kMicrosecondsPerSecond).put(".").put({fraction, sizeof(fraction)});
    }

  private:
    char* chars_;
    size_t length_ = 0;
};

uint64_t total(const ZoneRoot& root, Metric metric) {
    uint64_t sum = 0;
    for (const auto& entry : root.slots) {
        const ProcessSlot* slot = entry.load(std::memory_order_acquire);
        if (slot != nullptr) {
            sum += slot->line.values[static_cast<size_t>(metric)].load(std::memory_order_relaxed);
        }
    }
    return sum;
}

// Most are sums over the processes; some are of the zone itself.
uint64_t value_of(const ZoneRoot& root, Metric metric) {
    switch (metric) {
    case Metric::build_info:
        return 1;
    case Metric::start_time:
        return static_cast<uint64_t>(root.started_at_s);
    case Metric::zone_bytes:
        return root.bytes;
    case Metric::zone_free_bytes:
        return root.pool->pfree * ngx_pagesize;
    case Metric::zone_names:
        return root.names;
    default:
        return total(root, metric);
    }
}

void put_labels(Page& page, const MetricRow& row) {
    if (row.id == Metric::build_info) {
        page.put("{nginx=\"" NGINX_VERSION "\",schema=\"").number(kSchemaVersion).put("\"}");
    } else if (row.type == MetricType::summary) {
        page.put(row.labels);
    } else if (row.labels[0] != '\0') {
        page.put("{").put(row.labels).put("}");
    }
}

void put_row(Page& page, const MetricRow& row, uint64_t value) {
    if (row.help != nullptr) {
        page.put("# HELP ").put(row.name).put(" ").put(row.help).put("\n");
        page.put("# TYPE ").put(row.name).put(" ").put(type_name(row.type)).put("\n");
    }
    page.put(row.name);
    put_labels(page, row);
    page.put(" ");
    if (row.type == MetricType::summary && std::string_view(row.labels) == "_sum") {
        page.seconds(value);
    } else {
        page.number(value);
    }
    page.put("\n");
}

} // namespace

ngx_int_t metrics_handler(ngx_http_request_t* r) noexcept {
    if (!http_reads(r)) {
        return http_answer(r, kOnlyRead);
    }
    ZoneRoot* root = zone_root();
    Page page(r->pool);
    if (root == nullptr || !page.ok()) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    zone_reap();
    for (const MetricRow& row : metric_rows()) {
        put_row(page, row, value_of(*root, row.id));
    }
    return http_answer(
        r,
        {NGX_HTTP_OK, page.view(), "text/plain; version=0.0.4", {}, "Cache-Control", "no-store"});
}

} // namespace mr
