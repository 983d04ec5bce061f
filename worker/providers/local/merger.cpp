// The embedded merge: a summary and insights computed from what the tools found.
#include "worker/providers/citations.h"
#include "worker/providers/local/describe.h"
#include "worker/providers/local/embedded.h"
#include "worker/providers/local/figures.h"
#include "worker/providers/local/format.h"

#include <algorithm>

namespace mr::local {
namespace {

std::string plain(std::string text) {
    std::erase(text, '*');
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

void merge_documents(const DocumentHits& hits, MergedFindings& merged) {
    if (hits.documents.size() < 2) {
        return;
    }
    const auto newest =
        std::max_element(hits.documents.begin(), hits.documents.end(),
                         [](const Document& a, const Document& b) { return a.date < b.date; });
    if (newest->date.empty()) {
        return; // of none is the date known
    }
    merged.insights.push_back("The most recent of the documents found is \"" +
                              markdown_text(newest->title) + "\" of " +
                              markdown_text(date_text(newest->date)) + ".");
}

// Other CRMs than the embedded one may hold no number there.
double amount_of(const CrmRecord& record) {
    const auto found = record.properties.find("Amount");
    return found != record.properties.end() && found->is_number() ? found->get<double>() : 0;
}

void merge_crm(const CrmHits& hits, MergedFindings& merged) {
    const CrmRecord* largest = nullptr;
    for (const CrmRecord& record : hits.records) {
        if (record.type == "deal" &&
            amount_of(record) > (largest != nullptr ? amount_of(*largest) : 0)) {
            largest = &record;
        }
    }
    if (largest != nullptr) {
        merged.insights.push_back("The largest deal shown is " + markdown_text(largest->title) +
                                  " with " + money_text(amount_of(*largest)) + ".");
    }
}

class LocalMerger final : public Merger {
  public:
    Task<MergedFindings> merge(const MergeRequest& request, CallContext&) override {
        MergedFindings merged;
        for (const ToolFinding& finding : request.findings) {
            if (!finding.ok()) {
                continue;
            }
            std::string sentence;
            const bool own_rows = finding.tool == kToolChart && !finding.table.rows.empty();
            if (finding.tool == kToolSql || own_rows) {
                sentence = plain(lead_sentence(finding, request.scope));
                for (std::string& insight : insights_of(finding)) {
                    merged.insights.push_back(std::move(insight));
                }
            } else if (finding.tool == kToolDocuments) {
                sentence = std::to_string(finding.documents.total) + " documents found.";
                const std::string summary = cited_summary(finding.documents, {});
                sentence += summary.empty() ? "" : " " + plain(summary);
                merge_documents(finding.documents, merged);
            } else if (finding.tool == kToolCrm) {
                sentence = std::to_string(finding.crm.total) + " CRM records found.";
                merge_crm(finding.crm, merged);
            }
            merged.summary += (merged.summary.empty() || sentence.empty() ? "" : " ") + sentence;
        }
        if (merged.insights.size() > kMaxInsights) {
            merged.insights.resize(kMaxInsights);
        }
        co_return merged;
    }
};

} // namespace

std::unique_ptr<Merger> make_merger() {
    return std::make_unique<LocalMerger>();
}

} // namespace mr::local
