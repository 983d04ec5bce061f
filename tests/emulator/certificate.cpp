#include "tests/emulator/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace mr::emulator {
namespace {

template <auto Free> struct Freeing {
    template <class T> void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509_free>>;
using Memory = std::unique_ptr<BIO, Freeing<BIO_free_all>>;

constexpr long kSecondsBefore = -3600; // a clock that is a little wrong does no harm
constexpr long kSecondsAfter = 7 * 24 * 3600;

template <class T> T need(T value, const char* what) {
    if (!value) {
        throw std::runtime_error(std::string("OpenSSL: cannot make ") + what);
    }
    return value;
}

std::string text_of(const Memory& memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

std::string pem(X509* certificate) {
    const Memory out(need(BIO_new(BIO_s_mem()), "memory"));
    need(PEM_write_bio_X509(out.get(), certificate), "a PEM certificate");
    return text_of(out);
}

std::string pem(EVP_PKEY* key) {
    const Memory out(need(BIO_new(BIO_s_mem()), "memory"));
    need(PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
         "a PEM key");
    return text_of(out);
}

void extend(X509* certificate, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension =
        need(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()), "an extension");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

// Signed by `issuer` with its key; by itself when that is null.
Certificate certify(EVP_PKEY* key, const char* name, X509* issuer, EVP_PKEY* issuer_key,
                    const std::string& names) {
    Certificate certificate(need(X509_new(), "a certificate"));
    X509* raw = certificate.get();
    X509_set_version(raw, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(raw), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(raw), kSecondsBefore);
    X509_gmtime_adj(X509_getm_notAfter(raw), kSecondsAfter);
    X509_set_pubkey(raw, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(raw, X509_get_subject_name(issuer ? issuer : raw));
    X509* signer = issuer ? issuer : raw;
    extend(raw, signer, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    extend(raw, signer, NID_subject_key_identifier, "hash");
    extend(raw, signer, NID_authority_key_identifier, "keyid:always");
    if (issuer) {
        extend(raw, signer, NID_ext_key_usage, "serverAuth");
        extend(raw, signer, NID_subject_alt_name, names);
    } else {
        extend(raw, signer, NID_key_usage, "critical,keyCertSign");
    }
    need(X509_sign(raw, issuer ? issuer_key : key, EVP_sha256()), "a signature");
    return certificate;
}

} // namespace

Identity make_identity(const std::vector<std::string>& hosts) {
    const Key authority_key(need(EVP_EC_gen("P-256"), "a key"));
    const Key key(need(EVP_EC_gen("P-256"), "a key"));
    std::string names = "IP:127.0.0.1,DNS:localhost";
    for (const std::string& host : hosts) {
        names += ",DNS:" + host;
    }
    const Certificate authority =
        certify(authority_key.get(), "provider-emulator CA", nullptr, nullptr, {});
    const Certificate server =
        certify(key.get(), "provider-emulator", authority.get(), authority_key.get(), names);
    return {pem(authority.get()), pem(server.get()), pem(key.get())};
}

} // namespace mr::emulator
