// OpenSSL's function-like macros, which the importer cannot see, as inline functions.
#ifndef MARTLET_COPENSSL_SHIM_H
#define MARTLET_COPENSSL_SHIM_H
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
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
/// instead of a session cache. No DHE: the server's share of it is many times the client's.
static inline void martlet_SSL_CTX_set_safe_options(SSL_CTX *ctx, int server_preference) {
    static const unsigned char id[] = "martlet";
    uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_SINGLE_ECDH_USE | SSL_OP_IGNORE_UNEXPECTED_EOF;
    if (server_preference) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
    SSL_CTX_set_options(ctx, options);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
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

/// The key of `type` that `build` describes; NULL when there is none. Frees `build`.
static inline EVP_PKEY *martlet_EVP_PKEY_of(const char *type, OSSL_PARAM_BLD *build) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = build != NULL ? OSSL_PARAM_BLD_to_param(build) : NULL;
    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/// An RSA key of its big-endian numbers.
static inline EVP_PKEY *martlet_EVP_PKEY_rsa(const unsigned char *n, size_t n_length, const unsigned char *e,
                                             size_t e_length) {
    BIGNUM *modulus = BN_bin2bn(n, (int)n_length, NULL);
    BIGNUM *exponent = BN_bin2bn(e, (int)e_length, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL && (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
                          OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) != 1)) {
        OSSL_PARAM_BLD_free(build);
        build = NULL;
    }
    EVP_PKEY *key = martlet_EVP_PKEY_of("RSA", build);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

/// A key on `curve`, such as "P-256", of its uncompressed point; NULL when the point is not on it.
static inline EVP_PKEY *martlet_EVP_PKEY_ec(const char *curve, const unsigned char *point, size_t length) {
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL &&
        (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) != 1 ||
         OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, length) != 1)) {
        OSSL_PARAM_BLD_free(build);
        build = NULL;
    }
    return martlet_EVP_PKEY_of("EC", build);
}

/// 1 when `signature` is `key`'s of `text`. `hash` is NULL for a scheme with its own; `is_pss` is about RSA, whose salt is
/// then as long as the hash.
static inline int martlet_EVP_verify(EVP_PKEY *key, const EVP_MD *hash, int is_pss, const unsigned char *signature,
                                     size_t signature_length, const unsigned char *text, size_t length) {
    EVP_PKEY_CTX *options = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int done = ctx != NULL && EVP_DigestVerifyInit(ctx, &options, hash, NULL, key) == 1;
    if (done && is_pss)
        done = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
    done = done && EVP_DigestVerify(ctx, signature, signature_length, text, length) == 1;
    EVP_MD_CTX_free(ctx);
    return done;
}
#endif
