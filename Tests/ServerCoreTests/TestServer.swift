import COpenSSL
import Glibc
import Logging
import NIOCore
import NIOPosix
import ServerCore
import TranscriptKit

/// A listener on a loopback port with a closure as its protocol.
struct TestServer {
    let listener: Listener
    let loops: ConnectionLoops
    let registry: SessionRegistry
    let port: UInt16

    struct Service: ConnectionService {
        let body: @Sendable (Connection) async -> Void
        func serve(_ connection: Connection) async { await self.body(connection) }
        func refusal(_: Refusal) -> [UInt8] { [UInt8]("* BYE Too many connections\r\n".utf8) }
    }

    static func start(
        security: ListenerOptions.Security = .clear, contexts: TLSContexts = TLSContexts(),
        settings: ConnectionSettings = ConnectionSettings(),
        limits: ConnectionLimits = ConnectionLimits(maximum: 0, waiting: WaitingLimit(maximum: 0)),
        alpn: String = "imap", proxies: TrustedProxies? = nil, _ body: @escaping @Sendable (Connection) async -> Void
    ) async throws -> TestServer {
        let (descriptor, port) = try LoopbackSocket.listening()
        var options = ListenerOptions(service: "test", security: security, applicationProtocol: alpn)
        options.connection = settings
        options.proxies = proxies
        let loops = ConnectionLoops(threads: 2)
        let registry = SessionRegistry()
        let listener = try await Listener.start(
            socket: descriptor, options: options, service: Service(body: body), on: loops,
            contexts: contexts, limits: limits, registry: registry,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return TestServer(listener: listener, loops: loops, registry: registry, port: port)
    }

    func stop() async {
        await self.listener.close()
        self.registry.disconnectAll()
        await self.registry.waitUntilEmpty()
        await self.loops.shutdown()
    }

    /// Runs blocking client code on a thread that may block.
    func client<R: Sendable>(_ body: @escaping @Sendable (Client) throws -> R) async throws -> R {
        let port = self.port
        return try await clientThreads.runIfActive {
            let client = try Client(port: port)
            defer { client.close() }
            return try body(client)
        }
    }
}

/// For blocking clients alone: the sessions under test use the shared pool.
private let clientThreads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 32)
    pool.start()
    return pool
}()

struct ClientError: Error { let text: String }

/// A blocking client, in clear or over TLS. For one thread.
final class Client {
    let descriptor: CInt
    private var ssl: OpaquePointer?
    private var context: OpaquePointer?
    private var isClosed = false

    init(port: UInt16) throws {
        self.descriptor = try LoopbackSocket.connected(to: port)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    func close() {
        if let ssl = self.ssl { SSL_free(ssl) }
        if let context = self.context { SSL_CTX_free(context) }
        self.ssl = nil
        self.context = nil
        if !self.isClosed { Glibc.close(self.descriptor) }
        self.isClosed = true
    }

    func send(_ text: String) throws { try self.send([UInt8](text.utf8)) }

    func send(_ octets: [UInt8]) throws {
        var bytes = octets[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { bytes in
                self.ssl.map { Int(SSL_write($0, bytes.baseAddress, Int32(bytes.count))) }
                    ?? Glibc.send(self.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ClientError(text: "send: \(errno)") }
            bytes = bytes.dropFirst(count)
        }
    }

    func receive(atMost limit: Int = 65536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count =
            self.ssl.map { Int(SSL_read($0, &buffer, Int32(limit))) }
            ?? recv(self.descriptor, &buffer, limit, 0)
        if count < 0, self.ssl == nil { throw ClientError(text: "recv: \(errno)") }
        return [UInt8](buffer.prefix(max(0, count)))
    }

    func line() throws -> String {
        var bytes: [UInt8] = []
        while bytes.last != 0x0A {
            let more = try self.receive(atMost: 1)
            if more.isEmpty { break }
            bytes += more
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func rest() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let more = try self.receive()
            if more.isEmpty { return all }
            all += more
        }
    }

    struct Handshake: Sendable {
        var names: [String]
        var alpn: String
        var resumed: Bool
        var version: String
    }

    func startTLS(
        name: String? = nil, alpn: [String] = [], session: OpaquePointer? = nil, maximum: Int32 = 0
    ) throws -> Handshake {
        guard let context = SSL_CTX_new(TLS_client_method()), let ssl = SSL_new(context) else {
            throw ClientError(text: "SSL_new")
        }
        self.context = context
        self.ssl = ssl
        if maximum != 0 { _ = SSL_ctrl(ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(maximum), nil) }
        if let name { _ = martlet_SSL_set_host(ssl, name) }
        if let session { SSL_set_session(ssl, session) }
        let list = alpn.flatMap { [UInt8($0.utf8.count)] + [UInt8]($0.utf8) }
        if !list.isEmpty { SSL_set_alpn_protos(ssl, list, UInt32(list.count)) }
        SSL_set_fd(ssl, self.descriptor)
        guard SSL_connect(ssl) == 1 else { throw ClientError(text: "handshake") }
        var names: [String] = []
        if let certificate = SSL_get1_peer_certificate(ssl) {
            let list = martlet_X509_dns_names(certificate)
            var length: Int32 = 0
            while let name = martlet_dns_name_at(list, Int32(names.count), &length) {
                names.append(
                    String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self))
            }
            martlet_free_names(list)
            X509_free(certificate)
        }
        var chosen: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &chosen, &length)
        return Handshake(
            names: names,
            alpn: String(decoding: UnsafeBufferPointer(start: chosen, count: Int(length)), as: UTF8.self),
            resumed: SSL_session_reused(ssl) == 1, version: String(cString: SSL_get_version(ssl)))
    }

    /// The session for a resumption, after the server's ticket has been read.
    var session: OpaquePointer? { self.ssl.flatMap { SSL_get1_session($0) } }
}

/// A self-signed Ed25519 certificate for some names, and its key, in PEM.
func makeIdentity(_ names: [String], file: String = "test.pem") -> TLSIdentity {
    var key: OpaquePointer?
    let generator = EVP_PKEY_CTX_new_id(NID_ED25519, nil)
    EVP_PKEY_keygen_init(generator)
    EVP_PKEY_keygen(generator, &key)
    EVP_PKEY_CTX_free(generator)
    let certificate = X509_new()
    X509_set_version(certificate, 2)
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400)
    X509_set_pubkey(certificate, key)
    let alternative = names.map { "DNS:\($0)" }.joined(separator: ",")
    let ext = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, alternative)
    X509_add_ext(certificate, ext, -1)
    X509_EXTENSION_free(ext)
    X509_sign(certificate, key, nil)
    let identity = TLSIdentity(
        certificate: pem { PEM_write_bio_X509($0, certificate) },
        privateKey: pem { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }, certificateFile: file,
        keyFile: "key-of-" + file)
    X509_free(certificate)
    EVP_PKEY_free(key)
    return identity
}

private func pem(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
    let bio = BIO_new(BIO_s_mem())
    defer { BIO_free(bio) }
    guard write(bio) == 1 else { return [] }
    var bytes: UnsafePointer<CChar>?
    let count = martlet_BIO_memory(bio, &bytes)
    return UnsafeRawBufferPointer(start: bytes, count: count).map { $0 }
}
