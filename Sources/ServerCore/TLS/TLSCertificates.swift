import TLSFiles

/// Reads PEM certificates and keys into an OpenSSL context.
enum TLSCertificates {
    /// Installs chain and key; returns the host names the certificate is for, in lower case.
    static func install(_ identity: TLSIdentity, in context: OpaquePointer) throws(TLSError) -> [String] {
        let pair = TLSMaterial.Pair(
            certificate: identity.certificate, privateKey: identity.privateKey, keyPassword: identity.keyPassword,
            certificateFile: identity.certificateFile, keyFile: identity.keyFile)
        do throws(TLSMaterial.Mistake) {
            return try TLSMaterial.install(pair, in: context)
        } catch {
            throw TLSError(file: error.file, reason: error.reason)
        }
    }

    /// An empty context, which the caller frees.
    static func makeContext(_ policy: TLSPolicy) throws(TLSError) -> OpaquePointer {
        var language = TLSMaterial.Language(cipherList: policy.cipherList, curveList: policy.curveList)
        language.minimumVersion = policy.minimumVersion == .tls13 ? .tls13 : .tls12
        language.cipherSuites = policy.cipherSuites
        language.preference = policy.cipherPreference == .server ? .server : .client
        do throws(TLSMaterial.Mistake) {
            return try TLSMaterial.makeContext(language)
        } catch {
            throw TLSError(file: error.file, reason: error.reason)
        }
    }
}

/// The oldest error in OpenSSL's queue of this thread, as text; empties the queue.
func openSSLErrorText() -> String { TLSMaterial.errorText() }
