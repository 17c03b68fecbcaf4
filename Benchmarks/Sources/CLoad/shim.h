// What the load generator needs and the importer does not see.
#ifndef CLOAD_SHIM_H
#define CLOAD_SHIM_H
#include <openssl/ssl.h>
#include <stdio.h>

// GNU's, whose declarations depend on a macro that the importer does not set.
extern void *memmem(const void *, size_t, const void *, size_t);

/// `POSIX_SPAWN_SETSID`.
static const short load_spawn_session = 0x80;

static inline void load_flush_lines(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

/// A client that verifies nothing: the certificate is the generator's own.
static inline SSL_CTX *load_tls_client(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context != NULL) SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    return context;
}
#endif
