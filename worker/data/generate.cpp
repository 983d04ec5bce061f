#include "worker/data/generate.h"

#include "worker/data/demo_database.h"

#include <algorithm>
#include <stdexcept>

namespace mr::demo {
namespace {

template <typename Row> RowId named(const std::vector<Row>& rows, std::string_view name) {
    const auto found = std::ranges::find(rows, name, &Row::name);
    if (found == rows.end())
        throw std::logic_error("the sources name nothing like " + std::string{name});
    return static_cast<RowId>(found - rows.begin()) + 1;
}

} // namespace

DemoData generate_demo_data() {
    DemoData data;
    data.today = Date::parse(kDemoToday);
    add_companies(data);
    add_projects(data);
    add_aliases(data);
    add_change_orders(data);
    add_vendors(data);
    add_bids(data);
    add_vendor_invoices(data);
    add_invoices(data);
    add_crews(data);
    add_inspections(data);
    add_documents(data);
    add_deals(data);
    return data;
}

std::int64_t work_done_ppm(const Project& project, Date day) {
    if (day <= project.start)
        return 0;
    if (day >= project.planned_end)
        return 1'000'000;
    const std::int64_t t = (day - project.start) * 1000 / (project.planned_end - project.start);
    return (3 * t * t - 2 * t * t * t / 1000);
}

RowId project_named(const DemoData& data, std::string_view name) {
    return named(data.projects, name);
}

RowId vendor_named(const DemoData& data, std::string_view name) {
    return named(data.vendors, name);
}

std::string money_text(Dollars amount) {
    std::string digits = std::to_string(amount < 0 ? -amount : amount);
    for (std::size_t i = digits.size(); i > 3; i -= 3)
        digits.insert(i - 3, ",");
    return (amount < 0 ? "-$" : "$") + digits;
}

} // namespace mr::demo
