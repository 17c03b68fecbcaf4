// OpenSSL's function-like macros, which the importer cannot see, as inline functions.
#ifndef MARTLET_COPENSSL_SHIM_H
#define MARTLET_COPENSSL_SHIM_H
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <time.h>

static inline int64_t martlet_unix_time(void) { return (int64_t)time(NULL); }

static inline int martlet_SSL_CTX_set_min_version(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_min_proto_version(ctx, version);
}

static inline int martlet_SSL_CTX_set_curves(SSL_CTX *ctx, const char *list) {
    return (int)SSL_CTX_set1_groups_list(ctx, list);
}

/// What every server context of ours has: no compression, no renegotiation, small idle sessions, tickets
/// instead of a session cache, DHE parameters of the key's strength.
static inline void martlet_SSL_CTX_set_safe_options(SSL_CTX *ctx, int server_preference) {
    static const unsigned char id[] = "martlet";
    uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_SINGLE_DH_USE |
                       SSL_OP_SINGLE_ECDH_USE | SSL_OP_IGNORE_UNEXPECTED_EOF;
    if (server_preference) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
    SSL_CTX_set_options(ctx, options);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
    SSL_CTX_set_dh_auto(ctx, 1);
}

static inline void martlet_SSL_CTX_set_servername(SSL_CTX *ctx, int (*cb)(SSL *, int *, void *), void *arg) {
    SSL_CTX_set_tlsext_servername_callback(ctx, cb);
    SSL_CTX_set_tlsext_servername_arg(ctx, arg);
}

static inline int martlet_SSL_CTX_add0_chain_cert(SSL_CTX *ctx, X509 *cert) {
    return (int)SSL_CTX_add0_chain_cert(ctx, cert);
}

static inline int martlet_SSL_has_extended_master_secret(SSL *ssl) { return (int)SSL_get_extms_support(ssl); }

/// The hash of the server's certificate for tls-server-end-point: with the hash function of its signature, but SHA-256 for
/// weaker ones. `out` holds EVP_MAX_MD_SIZE octets; the length, 0 when there is no such function.
static inline unsigned int martlet_SSL_certificate_hash(SSL *ssl, unsigned char *out) {
    unsigned int length = 0;
    int hash = NID_undef;
    const X509 *cert = SSL_get_certificate(ssl);
    if (cert == NULL || OBJ_find_sigid_algs(X509_get_signature_nid(cert), &hash, NULL) != 1) return 0;
    if (hash == NID_md5 || hash == NID_sha1) hash = NID_sha256;
    const EVP_MD *function = EVP_get_digestbynid(hash);
    return function != NULL && X509_digest(cert, function, out, &length) == 1 ? length : 0;
}

static inline int martlet_SSL_set_host(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

/// A memory BIO with a copy of the octets; NULL when out of memory.
static inline BIO *martlet_BIO_new_copy(const void *bytes, size_t count) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || count == 0) return bio;
    if (count > INT32_MAX || BIO_write(bio, bytes, (int)count) != (int)count) {
        BIO_free(bio);
        return NULL;
    }
    return bio;
}

static inline long martlet_BIO_memory(BIO *bio, const char **bytes) { return BIO_get_mem_data(bio, (char **)bytes); }

static inline int martlet_BIO_type(void) { return BIO_get_new_index() | BIO_TYPE_SOURCE_SINK; }
static inline void martlet_BIO_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline void martlet_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

/// The subject alternative names of a certificate; NULL when it has none.
static inline void *martlet_X509_dns_names(X509 *cert) {
    return X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
}

/// The DNS name at `index`, not NUL-terminated; an entry of another kind has length 0; NULL after the last.
static inline const unsigned char *martlet_dns_name_at(void *names, int index, int *length) {
    const GENERAL_NAMES *list = (const GENERAL_NAMES *)names;
    *length = 0;
    if (list == NULL || index < 0 || index >= sk_GENERAL_NAME_num(list)) return NULL;
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(list, index);
    if (name->type != GEN_DNS) return (const unsigned char *)"";
    *length = ASN1_STRING_length(name->d.dNSName);
    return ASN1_STRING_get0_data(name->d.dNSName);
}

static inline void martlet_free_names(void *names) { GENERAL_NAMES_free((GENERAL_NAMES *)names); }

/// Sets a session ticket's cipher (AES-256-CBC) and MAC (HMAC-SHA-256) up; 1 on success.
static inline int martlet_ticket_init(EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *key,
                                      const unsigned char *mac_key, const unsigned char *iv, int encrypt) {
    OSSL_PARAM params[3];
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)mac_key, 32);
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0);
    params[2] = OSSL_PARAM_construct_end();
    if (EVP_MAC_CTX_set_params(mac, params) != 1) return 0;
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key, iv, encrypt);
}
#endif
