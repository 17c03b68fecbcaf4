import COpenSSL

/// Certificates, keys and settings for server handshakes: OpenSSL contexts, one per certificate, chosen by
/// the name the client asks for. Immutable; usable from any thread.
// Sendable: the fields are constant after init, and OpenSSL locks its SSL_CTX objects itself.
public final class TLSContext: @unchecked Sendable {
    /// The first identity's context: used when no name matches.
    let base: OpaquePointer
    private let others: [OpaquePointer]
    private let exact: [String: OpaquePointer]
    /// By what follows the `*`, with its dot.
    private let wildcards: [String: OpaquePointer]
    private let ticketKeys: TLSTicketKeys

    /// The first identity serves clients that ask for no known name. Throws for an empty list, and for a
    /// file that cannot be used, naming it.
    public init(
        identities: [TLSIdentity], policy: TLSPolicy = TLSPolicy(), ticketKeys: TLSTicketKeys
    ) throws(TLSError) {
        guard !identities.isEmpty else { throw TLSError(file: nil, reason: "No certificate is configured") }
        var contexts: [OpaquePointer] = []
        var exact: [String: OpaquePointer] = [:]
        var wildcards: [String: OpaquePointer] = [:]
        do throws(TLSError) {
            for identity in identities {
                let context = try Self.makeContext(policy)
                contexts.append(context)
                let names = try TLSCertificates.install(identity, in: context)
                for name in identity.names.map({ $0.lowercased() }) + names {
                    if name.hasPrefix("*.") {
                        let suffix = String(name.dropFirst())
                        if wildcards[suffix] == nil { wildcards[suffix] = context }
                    } else if exact[name] == nil {
                        exact[name] = context
                    }
                }
            }
        } catch {
            for context in contexts { SSL_CTX_free(context) }
            throw error
        }
        self.base = contexts[0]
        self.others = [OpaquePointer](contexts.dropFirst())
        self.exact = exact
        self.wildcards = wildcards
        self.ticketKeys = ticketKeys
        for context in contexts {
            // Unretained is safe: whoever holds an SSL object of these contexts holds this object too.
            let keys = Unmanaged.passUnretained(ticketKeys).toOpaque()
            SSL_CTX_set_ex_data(context, 0, keys)
            SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticketCallback)
        }
        martlet_SSL_CTX_set_servername(
            self.base, serverNameCallback, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        SSL_CTX_free(self.base)
        for context in self.others { SSL_CTX_free(context) }
    }

    /// The context for a host name; `nil` when the base context serves it.
    func context(for name: String) -> OpaquePointer? {
        let name = name.lowercased()
        if let found = self.exact[name] { return found }
        guard let dot = name.firstIndex(of: ".") else { return nil }
        return self.wildcards[String(name[dot...])]
    }

    private static func makeContext(_ policy: TLSPolicy) throws(TLSError) -> OpaquePointer {
        let context = try TLSCertificates.makeContext(policy)
        SSL_CTX_set_alpn_select_cb(context, alpnCallback, nil)
        return context
    }
}

/// Chooses the certificate by the client's server name.
private let serverNameCallback:
    @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32 = {
        ssl, _, argument in
        guard let ssl, let argument, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
            return SSL_TLSEXT_ERR_OK
        }
        let context = Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
        if let match = context.context(for: String(cString: name)) { SSL_set_SSL_CTX(ssl, match) }
        return SSL_TLSEXT_ERR_OK
    }

/// Chooses our protocol if the client offers it. A client that offers only others is served all the same:
/// mail clients send odd lists, and the port already says what is spoken.
private let alpnCallback:
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
        UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
    ) -> Int32 = { ssl, chosen, chosenLength, offered, offeredLength, _ in
        guard let ssl, let chosen, let chosenLength, let offered,
            let data = SSL_get_ex_data(ssl, 0)
        else { return SSL_TLSEXT_ERR_NOACK }
        let wanted = Unmanaged<TLSTransport>.fromOpaque(data).takeUnretainedValue().applicationProtocol
        guard !wanted.isEmpty else { return SSL_TLSEXT_ERR_NOACK }
        let list = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
        var position = 0
        while position < list.count {
            let start = position + 1
            let end = start + Int(list[position])
            guard end <= list.count else { break }
            if list[start..<end].elementsEqual(wanted.utf8) {
                chosen.pointee = offered + start
                chosenLength.pointee = list[position]
                return SSL_TLSEXT_ERR_OK
            }
            position = end
        }
        return SSL_TLSEXT_ERR_NOACK
    }

/// Encrypts or decrypts a session ticket with our shared keys: 1 done, 2 done and renew, 0 unknown ticket,
/// -1 error.
private let ticketCallback:
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?,
        OpaquePointer?, Int32
    ) -> Int32 = { ssl, name, iv, cipher, mac, encrypt in
        guard let ssl, let name, let iv, let cipher, let mac,
            let data = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0)
        else { return -1 }
        let keys = Unmanaged<TLSTicketKeys>.fromOpaque(data).takeUnretainedValue()
        if encrypt == 1 {
            let key = keys.current
            for (index, octet) in key.name.enumerated() { name[index] = octet }
            guard RAND_bytes(iv, 16) == 1 else { return -1 }
            return martlet_ticket_init(cipher, mac, key.cipher, key.mac, iv, 1) == 1 ? 1 : -1
        }
        guard let found = keys.key(named: UnsafeRawBufferPointer(start: name, count: 16)) else { return 0 }
        guard martlet_ticket_init(cipher, mac, found.key.cipher, found.key.mac, iv, 0) == 1 else { return -1 }
        return found.renew ? 2 : 1
    }
