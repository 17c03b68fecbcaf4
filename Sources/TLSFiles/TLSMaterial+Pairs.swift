import COpenSSL

/// Reads PEM certificates and keys into an OpenSSL context.
extension TLSMaterial {
    /// Installs chain and key; returns the host names the certificate is for, in lower case.
    package static func install(_ pair: Pair, in context: OpaquePointer) throws(Mistake) -> [String] {
        let names = try Self.installChain(pair, in: context)
        try Self.installKey(pair, in: context)
        return names
    }

    private static func installChain(
        _ pair: Pair, in context: OpaquePointer
    ) throws(Mistake) -> [String] {
        let file = pair.certificateFile
        guard let bio = Self.memory(pair.certificate) else {
            throw Mistake(file: file, reason: "out of memory")
        }
        defer { BIO_free(bio) }
        ERR_clear_error()
        guard let leaf = PEM_read_bio_X509_AUX(bio, nil, nil, nil) else {
            throw Mistake(file: file, reason: "No PEM certificate in it: \(Self.errorText())")
        }
        defer { X509_free(leaf) }
        guard SSL_CTX_use_certificate(context, leaf) == 1 else {
            throw Mistake(file: file, reason: "Certificate refused: \(Self.errorText())")
        }
        while let next = PEM_read_bio_X509(bio, nil, nil, nil) {
            // The context owns `next` once it is added.
            guard martlet_SSL_CTX_add0_chain_cert(context, next) == 1 else {
                X509_free(next)
                throw Mistake(file: file, reason: "Chain certificate refused: \(Self.errorText())")
            }
        }
        ERR_clear_error()  // the end of the file is an error to OpenSSL
        return Self.hostNames(of: leaf)
    }

    private static func installKey(_ pair: Pair, in context: OpaquePointer) throws(Mistake) {
        let file = pair.keyFile
        guard let bio = Self.memory(pair.privateKey) else {
            throw Mistake(file: file, reason: "out of memory")
        }
        defer { BIO_free(bio) }
        ERR_clear_error()
        // An empty password rather than none: OpenSSL would ask on the terminal.
        var password = [UInt8]((pair.keyPassword ?? "").utf8) + [0]
        let key = password.withUnsafeMutableBytes {
            PEM_read_bio_PrivateKey(bio, nil, passwordCallback, $0.baseAddress)
        }
        guard let key else {
            let text = Self.errorText()
            // `BEGIN ENCRYPTED PRIVATE KEY`, or `Proc-Type: 4,ENCRYPTED` in the older form.
            if pair.keyPassword == nil, String(decoding: pair.privateKey, as: UTF8.self).contains("ENCRYPTED") {
                throw Mistake(
                    file: file, reason: "The private key has a password; store it without one, readable by root alone")
            }
            let hint = pair.keyPassword == nil ? "" : " (wrong ssl_server_key_password?)"
            throw Mistake(file: file, reason: "No usable PEM private key in it\(hint): \(text)")
        }
        defer { EVP_PKEY_free(key) }
        guard SSL_CTX_use_PrivateKey(context, key) == 1, SSL_CTX_check_private_key(context) == 1 else {
            throw Mistake(
                file: file, reason: "Key does not belong to \(pair.certificateFile): \(Self.errorText())")
        }
    }

    private static func memory(_ bytes: [UInt8]) -> OpaquePointer? {
        guard let bio = martlet_BIO_new_copy(bytes, bytes.count) else { return nil }
        return bio
    }

    private static func hostNames(of certificate: OpaquePointer) -> [String] {
        var names: [String] = []
        let list = martlet_X509_dns_names(certificate)
        defer { martlet_free_names(list) }
        var index: Int32 = 0
        var length: Int32 = 0
        while let name = martlet_dns_name_at(list, index, &length) {
            let octets = UnsafeBufferPointer(start: name, count: Int(length))
            names.append(String(decoding: octets, as: UTF8.self).lowercased())
            index += 1
        }
        return names
    }
}

private let passwordCallback:
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
        buffer, size, _, password in
        guard let buffer, let password else { return -1 }
        let source = password.assumingMemoryBound(to: CChar.self)
        var count: Int32 = 0
        while count < size, source[Int(count)] != 0 {
            buffer[Int(count)] = source[Int(count)]
            count += 1
        }
        return count
    }
