import COpenSSL
import NIOCore

/// One TLS session over two byte buffers: an `SSL` object whose BIO reads `incoming` and appends to
/// `outgoing`. A BIO of our own, so that an idle session holds no empty OpenSSL buffers.
final class TLSTransport {
    /// Octets from the network not yet read by OpenSSL.
    var incoming = ByteBuffer()
    /// Octets OpenSSL wants sent.
    var outgoing = ByteBuffer()
    /// The ALPN name we answer to; empty for none.
    let applicationProtocol: String
    private let ssl: OpaquePointer
    /// Holds the certificates and callback targets the session points into.
    private let context: TLSContext

    init?(_ context: TLSContext, applicationProtocol: String) {
        guard let ssl = SSL_new(context.base) else { return nil }
        guard let bio = BIO_new(bufferBIO.method) else {
            SSL_free(ssl)
            return nil
        }
        self.ssl = ssl
        self.context = context
        self.applicationProtocol = applicationProtocol
        let this = Unmanaged.passUnretained(self).toOpaque()
        BIO_set_data(bio, this)
        BIO_set_init(bio, 1)
        SSL_set_bio(ssl, bio, bio)
        SSL_set_ex_data(ssl, 0, this)
        SSL_set_accept_state(ssl)
    }

    deinit { SSL_free(self.ssl) }

    enum Step {
        case done
        case wantsInput
        case failed(String)
    }

    func handshake() -> Step {
        ERR_clear_error()
        return self.step(SSL_do_handshake(self.ssl))
    }

    enum Plaintext {
        case bytes(ByteBuffer)
        case wantsInput
        /// The peer sent close_notify.
        case closed
        case failed(String)
    }

    /// All plaintext that `incoming` holds. Empty input is no error.
    func decrypt(allocator: ByteBufferAllocator) -> Plaintext {
        var plain = ByteBuffer()
        while true {
            // A record's plaintext is never larger than its ciphertext, so this rarely loops.
            let room = max(self.incoming.readableBytes + Int(SSL_pending(self.ssl)), 64)
            if plain.capacity == 0 { plain = allocator.buffer(capacity: min(room, 16 * 1024)) }
            var result: Int32 = 0
            ERR_clear_error()
            plain.writeWithUnsafeMutableBytes(minimumWritableBytes: min(room, 16 * 1024)) { space in
                result = SSL_read(self.ssl, space.baseAddress, Int32(clamping: space.count))
                return max(0, Int(result))
            }
            if result > 0 { continue }
            switch self.step(result) {
            case .done, .wantsInput: return plain.readableBytes > 0 ? .bytes(plain) : .wantsInput
            case .failed(let reason):
                // What was read before the end still counts; the end is met again at the next call.
                if plain.readableBytes > 0 { return .bytes(plain) }
                return SSL_get_shutdown(self.ssl) & SSL_RECEIVED_SHUTDOWN != 0 ? .closed : .failed(reason)
            }
        }
    }

    /// Encrypts into `outgoing`; `nil` when done, else the reason of the failure.
    func encrypt(_ plain: ByteBuffer) -> String? {
        plain.withUnsafeReadableBytes { bytes -> String? in
            var position = 0
            self.outgoing.reserveCapacity(
                minimumWritableBytes: bytes.count + 64 * (bytes.count / (16 * 1024) + 1))
            while position < bytes.count {
                ERR_clear_error()
                let count = SSL_write(
                    self.ssl, bytes.baseAddress.map { $0 + position }, Int32(clamping: bytes.count - position)
                )
                guard count > 0 else {
                    if case .failed(let reason) = self.step(count) { return reason }
                    return "unexpected renegotiation"
                }
                position += Int(count)
            }
            return nil
        }
    }

    /// Puts a close_notify into `outgoing`.
    func shutdown() {
        ERR_clear_error()
        _ = SSL_shutdown(self.ssl)
        ERR_clear_error()
    }

    func info() -> TLSInfo {
        let cipher = SSL_get_current_cipher(self.ssl)
        var alpn: UnsafePointer<UInt8>?
        var alpnLength: UInt32 = 0
        SSL_get0_alpn_selected(self.ssl, &alpn, &alpnLength)
        return TLSInfo(
            version: String(cString: SSL_get_version(self.ssl)),
            cipher: String(cString: SSL_CIPHER_get_name(cipher)),
            cipherBits: Int(SSL_CIPHER_get_bits(cipher, nil)),
            serverName: SSL_get_servername(self.ssl, TLSEXT_NAMETYPE_host_name).map {
                String(cString: $0).lowercased()
            },
            applicationProtocol: alpn.map {
                String(decoding: UnsafeBufferPointer(start: $0, count: Int(alpnLength)), as: UTF8.self)
            },
            resumed: SSL_session_reused(self.ssl) == 1, channelBindings: self.channelBindings())
    }

    /// The data of `tls-exporter` (RFC 9266), which is the same at both ends of this connection only, and of
    /// `tls-server-end-point` (RFC 5929), a hash of the certificate.
    private func channelBindings() -> [String: [UInt8]] {
        var bindings: [String: [UInt8]] = [:]
        var data = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        let length = martlet_SSL_certificate_hash(self.ssl, &data)
        if length > 0 { bindings["tls-server-end-point"] = Array(data.prefix(Int(length))) }
        // Before TLS 1.3 what is exported is unique only with the extended master secret.
        guard SSL_version(self.ssl) == TLS1_3_VERSION || martlet_SSL_has_extended_master_secret(self.ssl) == 1 else {
            return bindings
        }
        let label = Array("EXPORTER-Channel-Binding".utf8)
        data = [UInt8](repeating: 0, count: 32)
        let done = label.withUnsafeBytes { label in
            SSL_export_keying_material(
                self.ssl, &data, data.count, label.baseAddress?.assumingMemoryBound(to: CChar.self), label.count, nil,
                0, 1)
        }
        if done == 1 { bindings["tls-exporter"] = data }
        return bindings
    }

    private func step(_ result: Int32) -> Step {
        if result > 0 { return .done }
        switch SSL_get_error(self.ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantsInput
        case SSL_ERROR_ZERO_RETURN: return .failed("closed")
        default: return .failed(openSSLErrorText())
        }
    }
}

/// OpenSSL's table of our BIO's functions, made once.
private let bufferBIO = BufferBIOMethod()

// Sendable: constant after init; OpenSSL only reads it.
private struct BufferBIOMethod: @unchecked Sendable {
    let method: OpaquePointer?

    init() {
        self.method = BIO_meth_new(martlet_BIO_type(), "martlet buffer")
        BIO_meth_set_create(self.method) { bio in
            BIO_set_init(bio, 0)
            return 1
        }
        BIO_meth_set_read(self.method) { bio, target, count in
            guard let bio, let target, count > 0, let data = BIO_get_data(bio) else { return 0 }
            let transport = Unmanaged<TLSTransport>.fromOpaque(data).takeUnretainedValue()
            martlet_BIO_clear_retry(bio)
            let available = min(Int(count), transport.incoming.readableBytes)
            guard available > 0 else {
                martlet_BIO_set_retry_read(bio)
                return -1
            }
            transport.incoming.withUnsafeReadableBytes { bytes in
                guard let source = bytes.baseAddress else { return }
                UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: available)
            }
            transport.incoming.moveReaderIndex(forwardBy: available)
            if transport.incoming.readableBytes == 0 { transport.incoming = ByteBuffer() }
            return Int32(available)
        }
        BIO_meth_set_write(self.method) { bio, source, count in
            guard let bio, let source, count > 0, let data = BIO_get_data(bio) else { return 0 }
            let transport = Unmanaged<TLSTransport>.fromOpaque(data).takeUnretainedValue()
            martlet_BIO_clear_retry(bio)
            transport.outgoing.writeBytes(UnsafeRawBufferPointer(start: source, count: Int(count)))
            return count
        }
        BIO_meth_set_ctrl(self.method) { _, command, _, _ in
            command == BIO_CTRL_FLUSH ? 1 : 0
        }
    }
}
