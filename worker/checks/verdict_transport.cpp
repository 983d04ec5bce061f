// No response: why, and what to do.
#include "worker/checks/verdict_parts.h"

#include <ctime>

namespace mr::checkup {
namespace {

using net::HttpCause;
using net::HttpFault;

// Host and port, without scheme, user, password and path.
std::string place_of(std::string_view url) {
    const std::size_t scheme = url.find("://");
    url.remove_prefix(scheme == std::string_view::npos ? 0 : scheme + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    const std::size_t at = url.rfind('@');
    return std::string(at == std::string_view::npos ? url : url.substr(at + 1));
}

std::string proxy_settings(const Target& target) {
    return "provider_proxy (or " + target.proxy_setting + ")";
}

std::string time_here() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
    return text;
}

void proxy_trouble(const Target& target, HttpCause cause, Finding& finding) {
    const std::string proxy = "the proxy " + place_of(target.proxy);
    if (cause == HttpCause::proxy_name) {
        fail(finding, Trouble::proxy, proxy + " has a name that is not known",
             "correct " + proxy_settings(target));
    } else if (cause == HttpCause::proxy_access) {
        fail(finding, Trouble::proxy, proxy + " wants a user and a password (407)",
             "write them into " + proxy_settings(target) + ": http://user:password@host:port");
    } else if (cause == HttpCause::proxy) {
        fail(finding, Trouble::proxy,
             proxy + " does not connect us to " + place_of(target.base_url),
             "let the proxy allow this host, or correct " + proxy_settings(target));
    } else {
        fail(finding, Trouble::proxy, proxy + " takes no connections",
             "start it, or correct " + proxy_settings(target));
    }
}

void certificate_trouble(const Target& target, HttpCause cause, Finding& finding) {
    const std::string host = place_of(target.base_url);
    if (cause == HttpCause::authority) {
        fail(finding, Trouble::certificate,
             host + " shows a certificate of an authority that is not known here",
             "name the authority's certificate (PEM) in provider_ca_file (or " + target.ca_setting +
                 "); a proxy that opens TLS has one of its own");
    } else if (cause == HttpCause::certificate_date) {
        fail(finding, Trouble::clock,
             host + " shows a certificate that is not good at this time (here it is " +
                 time_here() + ")",
             std::string(kClockCure) +
                 "; if it is right, the server's certificate has to be renewed");
    } else {
        fail(finding, Trouble::certificate, host + " shows the certificate of another host",
             "correct " + target.url_setting + ": its host has to be the certificate's");
    }
}

void late(const Run& run, const Target& target, HttpCause cause, Finding& finding) {
    const std::string host = place_of(target.base_url);
    if (cause == HttpCause::no_answer) {
        fail(finding, Trouble::late, "no connection to " + host + " in time",
             "does a firewall stop it? If so, " + target.proxy_cure +
                 "; on a slow network raise provider_connect_timeout");
        return;
    }
    finding.reachable = true;
    fail(finding, Trouble::late,
         host + " did not answer within " + std::to_string(run.limit.count()) + " ms",
         "try again later; on a slow network raise provider_check_timeout");
}

} // namespace

void judge_error(const net::HttpCausedError& error, const Run& run, const Target& target,
                 Finding& finding) {
    const HttpCause cause = error.cause();
    const std::string host = place_of(target.base_url);
    const bool proxied = !target.proxy.empty();
    finding.reachable = false;
    if (error.fault() == HttpFault::timeout) {
        late(run, target, cause, finding);
    } else if (cause == HttpCause::proxy_name || cause == HttpCause::proxy ||
               cause == HttpCause::proxy_access || (proxied && cause == HttpCause::connection)) {
        proxy_trouble(target, cause, finding);
    } else if (cause == HttpCause::name) {
        fail(finding, Trouble::name, "the name " + host + " is not known",
             "is " + target.url_setting +
                 " right, and has this machine a network and a DNS? Else " + target.proxy_cure);
    } else if (cause == HttpCause::connection) {
        const std::string by =
            target.connect_to.empty() ? "" : " (by " + target.connect_setting + ")";
        fail(finding, Trouble::connection, "nobody takes connections at " + host + by,
             "is " + target.url_setting + " right and the server up? Else " + target.proxy_cure);
    } else if (cause == HttpCause::authority || cause == HttpCause::certificate_date ||
               cause == HttpCause::certificate_name) {
        certificate_trouble(target, cause, finding);
    } else if (error.fault() == HttpFault::tls) {
        fail(finding, Trouble::tls, "no TLS with " + shown(error.what(), target.secret),
             "is " + target.url_setting + " right: https, host, port?");
    } else {
        finding.reachable = error.any_byte();
        fail(finding, Trouble::not_api,
             "no reply of an API from " + shown(error.what(), target.secret),
             "is " + target.url_setting + " right: http or https, host, port?");
    }
}

} // namespace mr::checkup
