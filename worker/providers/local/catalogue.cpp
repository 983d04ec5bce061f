#include "worker/providers/local/catalogue.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace mr::local {
namespace {

constexpr ListColumn kProjectColumns[] = {
    {"Project", "p.name", "text"},
    {"Type", "p.type", "text"},
    {"City", "p.city", "text"},
    {"Status", "p.status", "text"},
    {"Start", "p.start_date", "date"},
    {"End", "p.end_date", "date"},
    {"Contract value", "p.contract_value", "money"},
    {"Manager", "p.manager", "text"},
};
constexpr ListColumn kInvoiceColumns[] = {
    {"Invoice", "i.number", "text"},   {"Project", "p.name", "text"},
    {"Issued", "i.issued_on", "date"}, {"Due", "i.due_on", "date"},
    {"Amount", "i.amount", "money"},   {"Balance", "i.balance", "money"},
    {"Status", "i.status", "text"},
};
constexpr ListColumn kVendorInvoiceColumns[] = {
    {"Invoice", "vi.number", "text"},   {"Vendor", "v.name", "text"},
    {"Project", "p.name", "text"},      {"Issued", "vi.issued_on", "date"},
    {"Due", "vi.due_on", "date"},       {"Amount", "vi.amount", "money"},
    {"Balance", "vi.balance", "money"}, {"Status", "vi.status", "text"},
};
constexpr ListColumn kChangeOrderColumns[] = {
    {"Number", "co.number", "text"},  {"Project", "p.name", "text"},
    {"Title", "co.title", "text"},    {"Reason", "co.reason", "text"},
    {"Amount", "co.amount", "money"}, {"Days", "co.days", "count"},
    {"Status", "co.status", "text"},  {"Raised", "co.raised_on", "date"},
};
constexpr ListColumn kBidColumns[] = {
    {"Vendor", "v.name", "text"},   {"Project", "p.name", "text"},
    {"Trade", "b.trade", "text"},   {"Amount", "b.amount", "money"},
    {"Status", "b.status", "text"}, {"Submitted", "b.submitted_on", "date"},
};
constexpr ListColumn kInspectionColumns[] = {
    {"Date", "n.inspected_on", "date"},   {"Project", "p.name", "text"},
    {"Kind", "n.kind", "text"},           {"Result", "n.result", "text"},
    {"Inspector", "n.inspector", "text"}, {"Notes", "n.notes", "text"},
};
constexpr ListColumn kVendorColumns[] = {
    {"Vendor", "v.name", "text"},     {"Trade", "v.trade", "text"},
    {"City", "v.city", "text"},       {"Rating", "v.rating", "number"},
    {"Contact", "v.contact", "text"}, {"Insured until", "v.insured_until", "date"},
};
constexpr ListColumn kCrewColumns[] = {
    {"Crew", "c.name", "text"},
    {"Trade", "c.trade", "text"},
    {"Foreman", "c.foreman", "text"},
    {"People", "c.size", "count"},
    {"Hourly rate", "c.hourly_rate", "money"},
};
constexpr ListColumn kCrewHourColumns[] = {
    {"Week", "h.week_start", "date"},
    {"Crew", "c.name", "text"},
    {"Project", "p.name", "text"},
    {"Regular hours", "h.regular_hours", "count"},
    {"Overtime hours", "h.overtime_hours", "count"},
};
constexpr ListColumn kDocumentColumns[] = {
    {"Title", "d.title", "text"}, {"Project", "p.name", "text"},  {"Kind", "d.kind", "text"},
    {"Date", "d.date", "date"},   {"Author", "d.author", "text"},
};

constexpr ListColumn kFinancialColumns[] = {
    {"Project", "p.name", "text"},
    {"Status", "p.status", "text"},
    {"Budget", "f.budget", "money"},
    {"Vendor cost", "f.vendor_cost", "money"},
    {"Contract value", "f.contract_value", "money"},
};

constexpr Subject kSubjects[] = {
    {"projects", "project", "projects", "projects p", "p.start_date", "p.contract_value", "money",
     "p.status", true, "p.name", kProjectColumns},
    {"invoices", "invoice", "invoices", "invoices i JOIN projects p ON p.id = i.project_id",
     "i.issued_on", "i.amount", "money", "i.status", true, "i.issued_on, i.number",
     kInvoiceColumns},
    {"vendor_invoices", "vendor invoice", "vendor invoices",
     "vendor_invoices vi JOIN projects p ON p.id = vi.project_id "
     "JOIN vendors v ON v.id = vi.vendor_id",
     "vi.issued_on", "vi.amount", "money", "vi.status", true, "vi.issued_on, vi.number",
     kVendorInvoiceColumns},
    {"change_orders", "change order", "change orders",
     "change_orders co JOIN projects p ON p.id = co.project_id", "co.raised_on", "co.amount",
     "money", "co.status", true, "p.name, co.number", kChangeOrderColumns},
    {"bids", "bid", "bids",
     "bids b JOIN projects p ON p.id = b.project_id JOIN vendors v ON v.id = b.vendor_id",
     "b.submitted_on", "b.amount", "money", "b.status", true, "p.name, b.trade, b.amount",
     kBidColumns},
    {"inspections", "inspection", "inspections",
     "inspections n JOIN projects p ON p.id = n.project_id", "n.inspected_on", "", "", "n.result",
     true, "n.inspected_on, n.id", kInspectionColumns},
    {"crew_hours", "crew week", "crew weeks",
     "crew_hours h JOIN crews c ON c.id = h.crew_id JOIN projects p ON p.id = h.project_id",
     "h.week_start", "h.regular_hours + h.overtime_hours", "count", "", true,
     "h.week_start, c.name", kCrewHourColumns},
    {"vendors", "vendor", "vendors", "vendors v", "v.insured_until", "v.rating", "number", "",
     false, "v.name", kVendorColumns},
    {"crews", "crew", "crews", "crews c", "", "c.size", "count", "", false, "c.name", kCrewColumns},
    {"documents", "document", "documents", "documents d JOIN projects p ON p.id = d.project_id",
     "d.date", "", "", "", true, "d.date, d.id", kDocumentColumns},
    {"financials", "project", "projects",
     "v_project_financials f JOIN projects p ON p.id = f.project_id", "p.start_date",
     "f.contract_value", "money", "p.status", true, "p.name", kFinancialColumns},
};

constexpr Metric kMetrics[] = {
    {"invoiced", "Invoiced", "amount invoiced", "invoices", "i.amount", "i.status <> 'void'", "sum",
     "money", ""},
    {"received", "Received", "amount received from clients", "invoices", "i.paid_amount",
     "i.status <> 'void'", "sum", "money", "i.paid_on"},
    {"outstanding", "Still open", "balance still open", "invoices", "i.balance", "", "sum", "money",
     ""},
    {"overdue", "Overdue", "overdue balance", "invoices", "i.balance", "i.status = 'overdue'",
     "sum", "money", "i.due_on"},
    {"disputed", "Disputed", "disputed balance", "invoices", "i.balance", "i.status = 'disputed'",
     "sum", "money", ""},
    {"invoice_count", "Invoices", "number of invoices", "invoices", "1", "i.status <> 'void'",
     "count", "count", ""},
    {"days_to_pay", "Days to pay", "time clients take to pay, in days,", "invoices",
     "julianday(i.paid_on) - julianday(i.issued_on)", "i.paid_on IS NOT NULL", "avg", "number", ""},
    {"vendor_cost", "Vendor cost", "cost charged by vendors", "vendor_invoices", "vi.amount",
     "vi.status <> 'void'", "sum", "money", ""},
    {"paid_to_vendors", "Paid to vendors", "amount paid to vendors", "vendor_invoices",
     "vi.paid_amount", "vi.status <> 'void'", "sum", "money", "vi.paid_on"},
    {"owed", "Owed to vendors", "amount owed to vendors", "vendor_invoices", "vi.balance", "",
     "sum", "money", ""},
    {"owed_overdue", "Overdue to vendors", "overdue amount owed to vendors", "vendor_invoices",
     "vi.balance", "vi.status = 'overdue'", "sum", "money", "vi.due_on"},
    {"vendor_invoice_count", "Vendor invoices", "number of vendor invoices", "vendor_invoices", "1",
     "vi.status <> 'void'", "count", "count", ""},
    {"co_amount", "Change order value", "value of approved change orders", "change_orders",
     "co.amount", "co.status = 'approved'", "sum", "money", ""},
    {"co_count", "Change orders", "number of change orders", "change_orders", "1", "", "count",
     "count", ""},
    {"co_days", "Extension days", "number of days added by approved change orders", "change_orders",
     "co.days", "co.status = 'approved'", "sum", "count", ""},
    {"project_count", "Projects", "number of projects", "projects", "1", "", "count", "count", ""},
    {"contract_value", "Contract value", "contract value", "projects", "p.contract_value", "",
     "sum", "money", ""},
    {"original_contract", "Original contract", "original contract sum", "projects",
     "p.original_contract", "", "sum", "money", ""},
    {"budget", "Budget", "budget", "projects", "p.budget", "", "sum", "money", ""},
    {"margin", "Expected margin", "expected margin (contract value less budget)", "projects",
     "p.contract_value - p.budget", "", "sum", "money", ""},
    {"square_feet", "Square feet", "floor area in square feet", "projects", "p.square_feet", "",
     "sum", "count", ""},
    {"percent_complete", "Complete", "share completed", "projects", "p.percent_complete", "", "avg",
     "percent", ""},
    {"remaining", "Left to invoice", "amount left to invoice", "financials",
     "f.contract_value - f.invoiced", "", "sum", "money", ""},
    {"budget_used", "Budget used", "share of the budget used by vendor cost", "financials",
     "100.0 * f.vendor_cost / f.budget", "", "avg", "percent", ""},
    {"budget_left", "Budget left", "budget not yet used by vendor cost", "financials",
     "f.budget - f.vendor_cost", "", "sum", "money", ""},
    {"bid_amount", "Bids", "value of the bids", "bids", "b.amount", "", "sum", "money", ""},
    {"bid_count", "Bids", "number of bids", "bids", "1", "", "count", "count", ""},
    {"inspection_count", "Inspections", "number of inspections", "inspections", "1", "", "count",
     "count", ""},
    {"pass_rate", "Pass rate", "share of inspections passed", "inspections",
     "100.0 * (n.result = 'pass')", "", "avg", "percent", ""},
    {"hours", "Hours", "number of crew hours", "crew_hours", "h.regular_hours + h.overtime_hours",
     "", "sum", "count", ""},
    {"overtime_hours", "Overtime hours", "number of overtime hours", "crew_hours",
     "h.overtime_hours", "", "sum", "count", ""},
    {"labor_cost", "Labor cost", "cost of our crews", "crew_hours",
     "c.hourly_rate * (h.regular_hours + 1.5 * h.overtime_hours)", "", "sum", "money", ""},
    {"vendor_count", "Vendors", "number of vendors", "vendors", "1", "", "count", "count", ""},
    {"rating", "Rating", "rating", "vendors", "v.rating", "", "avg", "number", ""},
    {"crew_count", "Crews", "number of crews", "crews", "1", "", "count", "count", ""},
    {"crew_size", "People", "number of people in the crews", "crews", "c.size", "", "sum", "count",
     ""},
    {"document_count", "Documents", "number of documents", "documents", "1", "", "count", "count",
     ""},
};

// Fields that need only the joined project.
constexpr std::pair<std::string_view, std::string_view> kProjectFields[] = {
    {"project", "p.name"},
    {"client", "p.client"},
    {"city", "p.city"},
    {"state", "p.state"},
    {"type", "p.type"},
    {"manager", "p.manager"},
    {"project_status", "p.status"},
    {"superintendent", "p.superintendent"},
};

struct SubjectField {
    std::string_view subject;
    std::string_view field;
    std::string_view expr;
};
constexpr SubjectField kSubjectFields[] = {
    {"vendor_invoices", "vendor", "v.name"},
    {"vendor_invoices", "trade", "v.trade"},
    {"bids", "vendor", "v.name"},
    {"bids", "trade", "b.trade"},
    {"vendors", "vendor", "v.name"},
    {"vendors", "trade", "v.trade"},
    {"vendors", "city", "v.city"},
    {"vendors", "state", "v.state"},
    {"change_orders", "reason", "co.reason"},
    {"inspections", "inspection_kind", "n.kind"},
    {"inspections", "inspector", "n.inspector"},
    {"inspections", "agency", "n.agency"},
    {"inspections", "result", "n.result"},
    {"crew_hours", "crew", "c.name"},
    {"crew_hours", "trade", "c.trade"},
    {"crews", "crew", "c.name"},
    {"crews", "trade", "c.trade"},
    {"documents", "document_kind", "d.kind"},
};

struct FieldText {
    std::string_view field;
    std::string_view label;
    std::string_view kind;
    std::string_view plural;
};
constexpr FieldText kFieldTexts[] = {
    {"project", "Project", "text", "projects"},
    {"client", "Client", "text", "clients"},
    {"city", "City", "text", "cities"},
    {"state", "State", "text", "states"},
    {"type", "Type", "text", "project types"},
    {"manager", "Manager", "text", "project managers"},
    {"superintendent", "Superintendent", "text", "superintendents"},
    {"project_status", "Project status", "text", "project statuses"},
    {"vendor", "Vendor", "text", "vendors"},
    {"trade", "Trade", "text", "trades"},
    {"reason", "Reason", "text", "reasons"},
    {"inspection_kind", "Kind", "text", "kinds of inspection"},
    {"inspector", "Inspector", "text", "inspectors"},
    {"agency", "Agency", "text", "agencies"},
    {"result", "Result", "text", "results"},
    {"crew", "Crew", "text", "crews"},
    {"document_kind", "Kind", "text", "kinds of document"},
    {"status", "Status", "text", "statuses"},
    {"month", "Month", "month", "months"},
    {"quarter", "Quarter", "quarter", "quarters"},
    {"year", "Year", "year", "years"},
    {"period", "Period", "period", "periods"},
};

const FieldText* field_text(std::string_view field) {
    const auto* found = std::find_if(std::begin(kFieldTexts), std::end(kFieldTexts),
                                     [&](const FieldText& text) { return text.field == field; });
    return found == std::end(kFieldTexts) ? nullptr : found;
}

constexpr ListColumn kProjectAttributes[] = {
    {"Manager", "p.manager", "text"},
    {"Superintendent", "p.superintendent", "text"},
    {"Client", "p.client", "text"},
    {"City", "p.city", "text"},
    {"State", "p.state", "text"},
    {"Start", "p.start_date", "date"},
    {"End", "p.end_date", "date"},
    {"Status", "p.status", "text"},
    {"Type", "p.type", "text"},
    {"Code", "p.code", "text"},
    {"Complete", "p.percent_complete", "percent"},
    {"Description", "p.description", "text"},
    {"Contract value", "p.contract_value", "money"},
    {"Budget", "p.budget", "money"},
};
constexpr ListColumn kVendorAttributes[] = {
    {"Trade", "v.trade", "text"},
    {"City", "v.city", "text"},
    {"State", "v.state", "text"},
    {"Contact", "v.contact", "text"},
    {"Email", "v.email", "text"},
    {"Rating", "v.rating", "number"},
    {"Insured until", "v.insured_until", "date"},
};

template <typename List, typename Key>
auto* find_by(const List& list, std::string_view wanted, Key key) {
    const auto* found = std::find_if(std::begin(list), std::end(list),
                                     [&](const auto& one) { return one.*key == wanted; });
    return found == std::end(list) ? nullptr : found;
}

} // namespace

std::span<const Subject> subjects() noexcept {
    return kSubjects;
}

std::span<const Metric> metrics() noexcept {
    return kMetrics;
}

const Subject* find_subject(std::string_view name) noexcept {
    return find_by(kSubjects, name, &Subject::name);
}

const Metric* find_metric(std::string_view name) noexcept {
    return find_by(kMetrics, name, &Metric::name);
}

std::optional<std::string> field_expression(const Subject& subject, std::string_view field,
                                            std::string_view date) {
    if (field == "status" && !subject.status.empty()) {
        return std::string(subject.status);
    }
    const std::string column(date.empty() ? subject.date : date);
    if (!column.empty() && field == "month") {
        return "strftime('%Y-%m', " + column + ")";
    }
    if (!column.empty() && field == "year") {
        return "strftime('%Y', " + column + ")";
    }
    if (!column.empty() && field == "quarter") {
        return "strftime('%Y', " + column + ") || '-Q' || ((strftime('%m', " + column +
               ") + 2) / 3)";
    }
    if (subject.has_projects) {
        for (const auto& [name, expr] : kProjectFields) {
            if (name == field) {
                return std::string(expr);
            }
        }
    }
    for (const SubjectField& own : kSubjectFields) {
        if (own.subject == subject.name && own.field == field) {
            return std::string(own.expr);
        }
    }
    return std::nullopt;
}

std::string field_label(std::string_view field) {
    const FieldText* text = field_text(field);
    return std::string(text != nullptr ? text->label : field);
}

std::string_view field_kind(std::string_view field) noexcept {
    const FieldText* text = field_text(field);
    return text != nullptr ? text->kind : "text";
}

std::string field_plural(std::string_view field) {
    const FieldText* text = field_text(field);
    return std::string(text != nullptr ? text->plural : field);
}

const ListColumn* find_project_attribute(std::string_view name) noexcept {
    return find_by(kProjectAttributes, name, &ListColumn::label);
}

const ListColumn* find_vendor_attribute(std::string_view name) noexcept {
    return find_by(kVendorAttributes, name, &ListColumn::label);
}

} // namespace mr::local
