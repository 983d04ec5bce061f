// Which documents there are. How each is written stands in documents.cpp and documents_events.cpp.
#include "worker/data/documents.h"
#include "worker/data/generate.h"

#include <algorithm>
#include <tuple>

namespace mr::demo {
namespace {

// Shares in percent of the rows that get a document; failures always do.
constexpr int kChangeOrderEmailPercent = 16;
constexpr int kAwardEmailPercent = 12;
constexpr int kSubmittalPercent = 16;
constexpr int kPassReportPercent = 22;
constexpr int kSafetyNotePercent = 2;

} // namespace

void add_documents(DemoData& data) {
    DocumentWriter writer(data);
    writer.letters();
    for (RowId id = 1; id <= last_id(data.projects); ++id) {
        writer.contract(id);
        if (row(data.projects, id).started()) {
            writer.permit(id);
            writer.minutes(id);
        }
    }
    for (RowId id = 1; id <= last_id(data.change_orders); ++id) {
        if (writer.random().chance(kChangeOrderEmailPercent))
            writer.change_order_emails(id);
    }
    for (const Invoice& invoice : data.invoices)
        writer.invoice_email(invoice);
    for (RowId id = 1; id <= last_id(data.bids); ++id) {
        if (row(data.bids, id).status != "awarded")
            continue;
        if (writer.random().chance(kAwardEmailPercent))
            writer.award_email(id);
        if (writer.random().chance(kSubmittalPercent))
            writer.submittal(id);
    }
    for (const Inspection& inspection : data.inspections) {
        if (inspection.result != "pass" || writer.random().chance(kPassReportPercent))
            writer.inspection_papers(inspection);
    }
    for (const CrewHours& week : data.crew_hours) {
        if (writer.random().chance(kSafetyNotePercent))
            writer.safety_notes(week);
    }
    std::ranges::sort(data.documents, [](const Document& a, const Document& b) {
        return std::tie(a.date, a.project_id, a.title) < std::tie(b.date, b.project_id, b.title);
    });
}

} // namespace mr::demo
