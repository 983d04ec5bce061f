/* Preloaded into nginx by tests/module/test_torture_calls.py: lets the Nth call of one named function
 * fail once, with the error that the test asks for. Everything is in a table in a file that the test
 * maps as well (calls.py); a function takes a slot of it when it is first called while armed.
 *
 * A call that fails has not been made. Edge-triggered epoll tells of readiness once: behind EAGAIN or a
 * short count, which the kernel never gives while there is more to be had, readiness is told again. */
#include "shared_table.h"

#include <cjose/cjose.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

enum { kNameBytes = 32, kSlots = 96, kWatched = 4096, kEndOfFile = 0, kShort = -1 };

struct slot {
    char name[kNameBytes];
    _Atomic int64_t count; /* so many calls while armed */
};

struct table {
    _Atomic int64_t pid;    /* of the process that it is about; 0: none, -1: every one */
    _Atomic int64_t armed;  /* calls are counted, and one fails */
    _Atomic int64_t number; /* of the call that fails, counted from 0 */
    _Atomic int64_t error;  /* errno; kEndOfFile, kShort */
    _Atomic int64_t failed;
    char wanted[kNameBytes]; /* the function */
    struct slot slots[kSlots];
};

static struct table *table;

static struct watched {
    int epoll; /* 0: not watched */
    struct epoll_event event;
} watched[kWatched];

__attribute__((constructor)) static void map_table(void)
{
    table = map_shared_table("MR_TORTURE_CALLS", sizeof(struct table));
}

static struct slot *slot_of(const char *name)
{
    for (int i = 0; i < kSlots; ++i) {
        struct slot *slot = &table->slots[i];
        if (slot->name[0] == 0) {
            strncpy(slot->name, name, kNameBytes - 1);
        }
        if (strcmp(slot->name, name) == 0) {
            return slot;
        }
    }
    abort(); /* more functions than slots */
}

static int has_to_fail(const char *name)
{
    if (table == NULL || !table->armed || (table->pid != -1 && table->pid != getpid())) {
        return 0;
    }
    const int64_t number = atomic_fetch_add(&slot_of(name)->count, 1);
    if (number != table->number || strcmp(table->wanted, name) != 0) {
        return 0;
    }
    atomic_fetch_add(&table->failed, 1);
    errno = (int)table->error;
    return 1;
}

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

/* A function that fails by returning `bad`, with errno set. */
#define CALL(type, name, parameters, arguments, bad)                                                    \
    type name parameters                                                                                \
    {                                                                                                   \
        static type(*real) parameters;                                                                  \
        if (real == NULL) {                                                                             \
            *(void **)&real = next(#name);                                                              \
        }                                                                                               \
        return has_to_fail(#name) ? (bad) : real arguments;                                             \
    }

/* ---- sockets and epoll */

CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)
CALL(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size), -1)
CALL(int, accept4, (int fd, struct sockaddr *from, socklen_t *size, int flags), (fd, from, size, flags), -1)
CALL(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
     (fd, level, name, value, size), -1)
CALL(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size), -1)
CALL(int, shutdown, (int fd, int how), (fd, how), -1)
CALL(int, epoll_wait, (int epoll, struct epoll_event *events, int room, int timeout),
     (epoll, events, room, timeout), -1)

int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, void *);
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    if (real == NULL) {
        *(void **)&real = next("ioctl");
    }
    return has_to_fail("ioctl") ? -1 : real(fd, request, argument);
}

static int real_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    static int (*real)(int, int, int, struct epoll_event *);
    if (real == NULL) {
        *(void **)&real = next("epoll_ctl");
    }
    return real(epoll, what, fd, event);
}

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    if (has_to_fail("epoll_ctl")) {
        return -1;
    }
    if (fd >= 0 && fd < kWatched) {
        watched[fd].epoll = what == EPOLL_CTL_DEL ? 0 : epoll;
        watched[fd].event = event != NULL ? *event : watched[fd].event;
    }
    return real_epoll_ctl(epoll, what, fd, event);
}

static int is_watched(int fd) { return fd >= 0 && fd < kWatched && watched[fd].epoll != 0; }

static void tell_readiness_again(int fd)
{
    if (is_watched(fd)) {
        const int before = errno;
        real_epoll_ctl(watched[fd].epoll, EPOLL_CTL_MOD, fd, &watched[fd].event);
        errno = before;
    }
}

int close(int fd)
{
    static int (*real)(int);
    if (real == NULL) {
        *(void **)&real = next("close");
    }
    if (fd >= 0 && fd < kWatched) {
        watched[fd].epoll = 0;
    }
    return real(fd); /* never fails: nobody could do anything about it */
}

/* ---- bytes; a short count is of one byte */

/* What the caller gets in place of the call, the short one aside. */
static ssize_t refusal(int fd)
{
    if (table->error == EAGAIN) {
        tell_readiness_again(fd);
    }
    return table->error == kEndOfFile ? 0 : -1;
}

#define TRANSFER(name, parameters, arguments, short_arguments, counts)                                  \
    ssize_t name parameters                                                                             \
    {                                                                                                   \
        static ssize_t(*real) parameters;                                                               \
        if (real == NULL) {                                                                             \
            *(void **)&real = next(#name);                                                              \
        }                                                                                               \
        if (!(counts) || !has_to_fail(#name)) {                                                         \
            return real arguments;                                                                      \
        }                                                                                               \
        if (table->error != kShort) {                                                                   \
            return refusal(fd);                                                                         \
        }                                                                                               \
        const ssize_t moved = real short_arguments;                                                     \
        tell_readiness_again(fd);                                                                       \
        return moved;                                                                                   \
    }

#define FILE_TOO (is_watched(fd) || (table != NULL && table->pid == -1))

TRANSFER(recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags),
         (fd, to, size != 0, flags), 1)
TRANSFER(send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags),
         (fd, from, size != 0, flags), 1)
TRANSFER(read, (int fd, void *to, size_t size), (fd, to, size), (fd, to, size != 0), FILE_TOO)
TRANSFER(write, (int fd, const void *from, size_t size), (fd, from, size), (fd, from, size != 0),
         is_watched(fd))
TRANSFER(pread64, (int fd, void *to, size_t size, off_t at), (fd, to, size, at),
         (fd, to, size != 0, at), 1)
TRANSFER(pwrite64, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at),
         (fd, from, size != 0, at), 1)

static int has_bytes(const struct iovec *part) { return part->iov_len != 0; }

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    static ssize_t (*real)(int, const struct iovec *, int);
    if (real == NULL) {
        *(void **)&real = next("writev");
    }
    if (!is_watched(fd) || !has_to_fail("writev")) {
        return real(fd, parts, count);
    }
    if (table->error != kShort) {
        return refusal(fd);
    }
    while (count > 1 && !has_bytes(parts)) {
        ++parts;
        --count;
    }
    const struct iovec first = {parts->iov_base, has_bytes(parts)};
    const ssize_t moved = real(fd, &first, 1);
    tell_readiness_again(fd);
    return moved;
}

/* ---- files */

#define OPEN(name)                                                                                      \
    int name(const char *path, int flags, ...)                                                          \
    {                                                                                                   \
        static int (*real)(const char *, int, ...);                                                     \
        va_list list;                                                                                   \
        va_start(list, flags);                                                                          \
        const int mode = va_arg(list, int);                                                             \
        va_end(list);                                                                                   \
        if (real == NULL) {                                                                             \
            *(void **)&real = next(#name);                                                              \
        }                                                                                               \
        return has_to_fail(#name) ? -1 : real(path, flags, mode);                                       \
    }

OPEN(open)
OPEN(open64)

/* ---- OpenSSL */

CALL(int, RAND_bytes, (unsigned char *to, int size), (to, size), 0)
CALL(unsigned char *, SHA1, (const unsigned char *from, size_t size, unsigned char *to), (from, size, to),
     NULL)
CALL(unsigned char *, HMAC,
     (const EVP_MD *kind, const void *key, int key_size, const unsigned char *from, size_t size,
      unsigned char *to, unsigned int *to_size),
     (kind, key, key_size, from, size, to, to_size), NULL)
CALL(HMAC_CTX *, HMAC_CTX_new, (void), (), NULL)
CALL(int, HMAC_Init_ex, (HMAC_CTX *c, const void *key, int size, const EVP_MD *kind, ENGINE *engine),
     (c, key, size, kind, engine), 0)
CALL(int, HMAC_Update, (HMAC_CTX *c, const unsigned char *from, size_t size), (c, from, size), 0)
CALL(int, HMAC_Final, (HMAC_CTX *c, unsigned char *to, unsigned int *size), (c, to, size), 0)
CALL(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
CALL(int, EVP_DigestInit_ex, (EVP_MD_CTX *c, const EVP_MD *kind, ENGINE *engine), (c, kind, engine), 0)
CALL(int, EVP_DigestUpdate, (EVP_MD_CTX *c, const void *from, size_t size), (c, from, size), 0)
CALL(int, EVP_DigestFinal_ex, (EVP_MD_CTX *c, unsigned char *to, unsigned int *size), (c, to, size), 0)
CALL(int, EVP_PKEY_get_bn_param, (const EVP_PKEY *key, const char *name, BIGNUM **to), (key, name, to), 0)
CALL(int, EVP_PKEY_get_utf8_string_param,
     (const EVP_PKEY *key, const char *name, char *to, size_t room, size_t *size),
     (key, name, to, room, size), 0)
CALL(BIO *, BIO_new_mem_buf, (const void *from, int size), (from, size), NULL)
CALL(EVP_PKEY *, PEM_read_bio_PUBKEY, (BIO *bio, EVP_PKEY **to, pem_password_cb *ask, void *data),
     (bio, to, ask, data), NULL)
/* As after a system call that has failed: SSL_get_error() says SSL_ERROR_SYSCALL, and errno why. */
static int broken(void)
{
    const int why = errno;
    ERR_raise(ERR_LIB_SYS, why);
    errno = why;
    return -1;
}

CALL(int, SSL_do_handshake, (SSL *ssl), (ssl), broken())
CALL(int, SSL_read, (SSL *ssl, void *to, int size), (ssl, to, size), broken())
CALL(int, SSL_write, (SSL *ssl, const void *from, int size), (ssl, from, size), broken())
CALL(int, SSL_shutdown, (SSL *ssl), (ssl), broken())
CALL(SSL *, SSL_new, (SSL_CTX *context), (context), NULL)
CALL(int, SSL_set_fd, (SSL *ssl, int fd), (ssl, fd), 0)
CALL(X509 *, SSL_get1_peer_certificate, (const SSL *ssl), (ssl), NULL)

/* ---- cjose, jansson */

CALL(cjose_jws_t *, cjose_jws_import, (const char *text, size_t size, cjose_err *why), (text, size, why),
     NULL)
CALL(bool, cjose_jws_verify, (cjose_jws_t *jws, const cjose_jwk_t *key, cjose_err *why), (jws, key, why),
     false)
CALL(bool, cjose_jws_get_plaintext, (const cjose_jws_t *jws, uint8_t **to, size_t *size, cjose_err *why),
     (jws, to, size, why), false)
CALL(cjose_jwk_t *, cjose_jwk_import, (const char *text, size_t size, cjose_err *why), (text, size, why),
     NULL)
CALL(cjose_jwk_t *, cjose_jwk_create_oct_spec, (const uint8_t *key, size_t size, cjose_err *why),
     (key, size, why), NULL)
CALL(cjose_jwk_t *, cjose_jwk_create_RSA_spec, (const cjose_jwk_rsa_keyspec *spec, cjose_err *why),
     (spec, why), NULL)
CALL(cjose_jwk_t *, cjose_jwk_create_EC_spec, (const cjose_jwk_ec_keyspec *spec, cjose_err *why),
     (spec, why), NULL)
CALL(json_t *, json_loadb, (const char *text, size_t size, size_t flags, json_error_t *why),
     (text, size, flags, why), NULL)
CALL(json_t *, json_object, (void), (), NULL)
CALL(int, json_object_set_new, (json_t *object, const char *name, json_t *value), (object, name, value),
     (json_decref(value), -1))
CALL(char *, json_dumps, (const json_t *json, size_t flags), (json, flags), NULL)

/* ---- zlib */

CALL(int, inflateInit2_, (z_streamp z, int bits, const char *version, int size), (z, bits, version, size),
     Z_MEM_ERROR)
CALL(int, inflate, (z_streamp z, int flush), (z, flush), Z_MEM_ERROR)
CALL(int, inflateReset, (z_streamp z), (z), Z_STREAM_ERROR)
CALL(int, deflateInit2_,
     (z_streamp z, int level, int method, int bits, int memory, int strategy, const char *version, int size),
     (z, level, method, bits, memory, strategy, version, size), Z_MEM_ERROR)
CALL(int, deflate, (z_streamp z, int flush), (z, flush), Z_STREAM_ERROR)
CALL(int, deflateReset, (z_streamp z), (z), Z_STREAM_ERROR)
