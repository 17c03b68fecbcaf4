import COpenSSL

/// Certificates, keys and settings of TLS as OpenSSL takes them: for the server, and for those who look whether the server
/// could use them.
package enum TLSMaterial {
    /// Something that OpenSSL refuses, with the file it is in.
    package struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
        /// The file's name as configured; `nil` when no file is at fault.
        package let file: String?
        package let reason: String

        package init(file: String?, reason: String) {
            self.file = file
            self.reason = reason
        }

        package var description: String { self.file.map { "\($0): \(self.reason)" } ?? self.reason }
    }

    /// How TLS is spoken, apart from certificates.
    package struct Language: Sendable {
        package enum Version: Sendable { case tls12, tls13 }

        package enum Preference: Sendable { case client, server }

        package var minimumVersion = Version.tls12
        /// TLS 1.2 suites in OpenSSL's syntax.
        package var cipherList: String
        /// TLS 1.3 suites, colon separated; empty for OpenSSL's choice.
        package var cipherSuites = ""
        /// Groups for the key exchange, colon separated.
        package var curveList: String
        package var preference = Preference.client

        package init(cipherList: String, curveList: String) {
            self.cipherList = cipherList
            self.curveList = curveList
        }
    }

    /// A certificate chain and its private key, as read from their files.
    package struct Pair: Sendable {
        /// PEM: the server's certificate first, then the intermediate ones.
        package var certificate: [UInt8]
        /// PEM.
        package var privateKey: [UInt8]
        /// For an encrypted key.
        package var keyPassword: String?
        /// The files' names, for messages.
        package var certificateFile: String
        package var keyFile: String

        package init(
            certificate: [UInt8], privateKey: [UInt8], keyPassword: String? = nil, certificateFile: String,
            keyFile: String
        ) {
            self.certificate = certificate
            self.privateKey = privateKey
            self.keyPassword = keyPassword
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// Everything that a server with these would refuse, each once.
    package static func mistakes(in pairs: [Pair], _ language: Language) -> [Mistake] {
        var mistakes: [Mistake] = []
        for pair in pairs {
            do throws(Mistake) {
                let context = try self.makeContext(language)
                defer { SSL_CTX_free(context) }
                _ = try self.install(pair, in: context)
            } catch {
                if !mistakes.contains(error) { mistakes.append(error) }
            }
        }
        return mistakes
    }

    /// A context for servers, which the caller frees.
    package static func makeContext(_ language: Language) throws(Mistake) -> OpaquePointer {
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw Mistake(file: nil, reason: self.errorText())
        }
        let minimum = language.minimumVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        martlet_SSL_CTX_set_min_version(context, minimum)
        martlet_SSL_CTX_set_safe_options(context, language.preference == .server ? 1 : 0)
        var mistake: String?
        if SSL_CTX_set_cipher_list(context, language.cipherList) != 1 {
            mistake = "ssl_cipher_list: \(self.errorText())"
        }
        if !language.cipherSuites.isEmpty, SSL_CTX_set_ciphersuites(context, language.cipherSuites) != 1 {
            mistake = "ssl_cipher_suites: \(self.errorText())"
        }
        if martlet_SSL_CTX_set_curves(context, language.curveList) != 1 {
            mistake = "ssl_curve_list: \(self.errorText())"
        }
        if let mistake {
            SSL_CTX_free(context)
            throw Mistake(file: nil, reason: mistake)
        }
        return context
    }

    /// The oldest error in OpenSSL's queue of this thread, as text; empties the queue.
    package static func errorText() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unknown error" }
        if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
        return "OpenSSL error \(String(code, radix: 16))"
    }
}
